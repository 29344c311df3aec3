"""What goes wrong in one run: collected with time, place in the profile, and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec

from pioreactor.clock.ports import Clock
from pioreactor.exc import PioreactorError
from pioreactor.experiment_profiles.checkpoint import UnitProgress
from pioreactor.experiment_profiles.lenient_reader import Diagnostic, positions_of, with_position
from pioreactor.experiment_profiles.rehearsal_hazards import CURES, Hazard, HazardKind, kind_of
from pioreactor.messaging.ports import Message
from pioreactor.structs import Log
from pioreactor.structs.encoding import decode

_LEVELS: Final = ("WARNING", "ERROR", "CRITICAL")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_AT_ONCE_H: Final = 0.002


@dataclass
class HazardLog:
    """Hazards of one run, each once for a unit, a place and a kind of message."""

    clock: Clock
    text: str
    found: list[Hazard] = field(default_factory=list)
    began_s: float = 0.0
    _doing: dict[str, str] = field(default_factory=dict)
    _started_at: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def hours(self) -> float:
        return (self.clock.monotonic() - self.began_s) / 3600.0

    def add(self, kind: HazardKind, unit: str, message: str, *, remedy: str | None = None, path: str = "") -> None:
        """Note a hazard, with the remedy of its kind unless another is given; two messages at once are one hazard."""
        hazard = Hazard(kind, unit, round(max(0.0, self.hours), 4), message, CURES[kind], path, self._line(path))
        if not any(map(partial(_is_same, hazard), self.found)):
            self.found.append(hazard if remedy is None else msgspec.structs.replace(hazard, remedy=remedy))

    def _line(self, path: str) -> int | None:
        return with_position(Diagnostic("info", "", "", path), positions_of(self.text)).line if path else None

    # ---- what it is told ----------------------------------------------------------------------------------------

    def on_start(self, unit: str, job: str, error: PioreactorError | None) -> None:
        """Remember which action has started or changed a job last; note one that did not start."""
        path = self._doing.get(unit, "")
        if error is None:
            self._started_at[unit, job] = path
            return
        message = str(error)
        kind = kind_of(message, "job_not_started")
        self.add(kind, unit, message, remedy=error.remedy, path=path)

    def on_log(self, message: Message) -> None:
        """Note what a job has logged as a warning or an error."""
        unit = message.topic.split("/")[1]
        record = decode(message.payload, Log)
        if record.level in _LEVELS:
            path = self._path_of(unit, record.task)
            self.add(kind_of(record.message, "job_error"), unit, f"{record.task}: {record.message}", path=path)

    def _path_of(self, unit: str, job: str) -> str:
        """Return the action that a message of a job belongs to: the present one, or that which started the job."""
        doing = self._doing.get(unit, "")
        return doing if f".jobs.{job}." in doing else self._started_at.get((unit, job), "")

    def on_profile_log(self, message: str, units: Sequence[str]) -> None:
        """Note what the profile's own run has logged as a failure, unless the start of a job has said it."""
        unit = next((name for name in units if name in message), "")
        path = self._doing.get(unit, "")
        if (unit, path) not in [(known.unit, known.path) for known in self.found]:
            self.add(kind_of(message, "action_failed"), unit, message, path=path)

    def now_doing(self, unit: str, progress: UnitProgress) -> None:
        """Remember which action a unit carries out."""
        if progress.doing is not None:
            self._doing[unit] = progress.doing.path


def _is_same(new: Hazard, known: Hazard) -> bool:
    """Tell whether a hazard is known: the same message at any time, or any message of its kind at the same time."""
    if (new.kind, new.unit, new.path) != (known.kind, known.unit, known.path):
        return False
    return _words(new) == _words(known) or new.at_h - known.at_h < _AT_ONCE_H


def _words(hazard: Hazard) -> str:
    return _NUMBER.sub("#", hazard.message)


def merged(hazards: Iterable[Hazard]) -> list[Hazard]:
    """Return each hazard once, with its earliest time and the number of runs in which it happened, in time order."""
    found: dict[tuple[str, str, str, str], list[Hazard]] = {}
    for one in hazards:
        found.setdefault((one.kind, one.unit, one.path, _words(one)), []).append(one)
    return sorted(map(_first, found.values()), key=lambda one: (one.at_h, one.unit, one.kind, one.message))


def _first(same: Sequence[Hazard]) -> Hazard:
    return msgspec.structs.replace(min(same, key=lambda one: one.at_h), runs=sum(one.runs for one in same))
