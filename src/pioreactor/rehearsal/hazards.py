"""What goes wrong in one run: collected with time, place in the profile, and cure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import msgspec

from pioreactor.clock.ports import Clock
from pioreactor.exc import PioreactorError
from pioreactor.experiment_profiles.checkpoint import UnitProgress
from pioreactor.experiment_profiles.lenient_reader import Diagnostic, positions_of, with_position
from pioreactor.experiment_profiles.rehearsal_data import Hazard, HazardKind
from pioreactor.messaging.ports import Message
from pioreactor.structs import Log
from pioreactor.structs.encoding import decode

_LEVELS: Final = ("WARNING", "ERROR", "CRITICAL")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_AT_ONCE_H: Final = 0.002
_KINDS: Final[tuple[tuple[str, HazardKind], ...]] = (
    (r"no active calibration|not been calibrated|no calibration", "calibration_missing"),
    (r"outside .*calibrat|calibrat.* range|beyond .*calibrat", "calibration_out_of_range"),
    (r"vial would hold|would be .*too full|maximum volume|not pumped|dose .*refused", "dose_refused"),
    (r"too hot|overheat|heating .*(off|disabled|reduced)", "over_temperature"),
    (r"must be (at|between|one)|out of bounds|not .*between", "setting_out_of_bounds"),
)
"""Words of a message that say which hazard it is, the first that is found."""
_CURES: Final[dict[HazardKind, str]] = {
    "vial_too_full": "Remove more than is added: check the waste pump, its tube and the volumes of the doses.",
    "over_temperature": "Lower the target temperature.",
    "dose_refused": "Remove waste before liquid is added, or give smaller doses.",
    "job_not_started": "Correct the options of this action.",
    "action_failed": "Correct this action.",
    "condition_never_met": "Check the condition, or rehearse with more --hours.",
    "loop_never_ends": "Give the loop `max_time`, or a `while` that becomes false, if it should end.",
    "calibration_missing": "Calibrate the device, or set a calibration active.",
    "calibration_out_of_range": "Stay within the calibrated range, or calibrate over a wider one.",
    "setting_out_of_bounds": "Choose a value within the bounds.",
    "bottle_empty": "Take a larger bottle, or change it before this time.",
    "bottle_full": "Empty the waste before this time, or take a larger bottle.",
    "rehearsal_failed": "See the message; what is wrong may only exist in the simulation.",
    "job_error": "See what the message says.",
}
"""What helps where the error itself does not say it."""


def kind_of(message: str, otherwise: HazardKind) -> HazardKind:
    """Return which hazard a message is about."""
    return next((kind for pattern, kind in _KINDS if re.search(pattern, message, re.IGNORECASE)), otherwise)


@dataclass
class HazardLog:
    """Hazards of one run, each once for a unit, a place and a kind of message."""

    clock: Clock
    text: str
    found: dict[tuple[str, str, str, str], Hazard] = field(default_factory=dict)
    began_s: float = 0.0
    _doing: dict[str, str] = field(default_factory=dict)
    _started_at: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def hours(self) -> float:
        return (self.clock.monotonic() - self.began_s) / 3600.0

    def add(self, kind: HazardKind, unit: str, message: str, *, cure: str | None = None, path: str = "") -> None:
        """Note a hazard, with the cure of its kind unless another is given; two messages at once are one hazard."""
        key = (kind, unit, path, _NUMBER.sub("#", message))
        when = round(max(0.0, self.hours), 4)
        same = [one for one in self.found.values() if (one.kind, one.unit, one.path) == (kind, unit, path)]
        if key not in self.found and not any(when - one.at_h < _AT_ONCE_H for one in same):
            given = _CURES[kind] if cure is None else cure
            self.found[key] = Hazard(kind, unit, when, message, given, path, self._line(path))

    def _line(self, path: str) -> int | None:
        if not path:
            return None
        return with_position(Diagnostic("info", "", "", path), positions_of(self.text)).line

    # ---- what it is told ----------------------------------------------------------------------------------------

    def on_start(self, unit: str, job: str, error: PioreactorError | None) -> None:
        """Remember which action has started or changed a job last; note one that did not start."""
        path = self._doing.get(unit, "")
        if error is None:
            self._started_at[unit, job] = path
            return
        message = str(error)
        kind = kind_of(message, "job_not_started")
        self.add(kind, unit, message, cure=error.remedy, path=path)

    def on_log(self, message: Message) -> None:
        """Note what a job has logged as a warning or an error."""
        unit = message.topic.split("/")[1]
        record = decode(message.payload, Log)
        if record.level in _LEVELS:
            doing = self._doing.get(unit, "")
            starts = f".jobs.{record.task}." in doing
            path = doing if starts else self._started_at.get((unit, record.task), "")
            self.add(kind_of(record.message, "job_error"), unit, f"{record.task}: {record.message}", path=path)

    def on_profile_log(self, message: str, units: list[str]) -> None:
        """Note what the profile's own run has logged as a failure, unless the start of a job has said it."""
        unit = next((name for name in units if name in message), "")
        path = self._doing.get(unit, "")
        if not any(known.unit == unit and known.path == path for known in self.found.values()):
            self.add(kind_of(message, "action_failed"), unit, message, path=path)

    def now_doing(self, unit: str, progress: UnitProgress) -> None:
        """Remember which action a unit carries out."""
        if progress.doing is not None:
            self._doing[unit] = progress.doing.path


def merged(of_runs: list[list[Hazard]]) -> list[Hazard]:
    """Return each hazard once, with its earliest time and the number of runs in which it happened, in time order."""
    found: dict[tuple[str, str, str, str], Hazard] = {}
    for hazards in of_runs:
        for one in hazards:
            key = (one.kind, one.unit, one.path, _NUMBER.sub("#", one.message))
            known = found.get(key)
            if known is None:
                found[key] = one
            else:
                first = min(known, one, key=lambda hazard: hazard.at_h)
                found[key] = msgspec.structs.replace(first, runs=known.runs + one.runs)
    return sorted(found.values(), key=lambda one: (one.at_h, one.unit, one.kind, one.message))
