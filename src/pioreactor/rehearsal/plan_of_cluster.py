"""The plan of a rehearsal on the units of a cluster, as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from pioreactor.experiment_profiles.profile_struct import read_profile
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan, RehearsedUnit
from pioreactor.rehearsal.bottles import with_bottles
from pioreactor.rehearsal.present_state import AskUnit, read_units
from pioreactor.rehearsal.strain import scenario_fields
from pioreactor.rehearsal.usual_hours import usual_hours


@dataclass
class ClusterRehearsal:
    """What is rehearsed on which units; `units` are as they were when the plan was made."""

    ask: AskUnit
    leader: str
    profile: str
    experiment: str
    only: tuple[str, ...]
    from_now: bool
    units: list[RehearsedUnit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def plan(
        self,
        *,
        strain: str,
        hours: float | None,
        runs: int,
        seed: int,
        bottles_ml: dict[str, float],
        started_at: str,
    ) -> RehearsalPlan:
        """Read the units, and return the plan; without `hours` it ends as the profile does."""
        usual, note = usual_hours(read_profile(self.profile))
        self.notes += [note] if note and hours is None else []
        self.units = self._read()
        self.notes += [
            f"{unit.name}: optical density is not known (no OD calibration); it begins with that of the strain."
            for unit in self.units
            if self.from_now and unit.od is None
        ]
        return RehearsalPlan(
            profile=self.profile,
            experiment=self.experiment,
            units=tuple(with_bottles(self.units, bottles_ml)),
            scenario=scenario_fields(strain),
            hours=usual if hours is None else hours,
            runs=runs,
            seed=seed,
            started_at=started_at,
            notes=tuple(self.notes),
        )

    def _read(self) -> list[RehearsedUnit]:
        return read_units(
            self.ask, self.leader, self.experiment, from_now=self.from_now, only=self.only, tell=self.notes.append
        )

    def changes(self) -> list[str]:
        """Return what of the units has changed since the plan was made, if it began with their present state."""
        changed = changes_since(self.units, self._read()) if self.from_now else []
        return [f"Since the rehearsal began, {change} changed." for change in changed]


def changes_since(before: Sequence[RehearsedUnit], now: Sequence[RehearsedUnit]) -> list[str]:
    """Return in words what has changed of the units, apart from what grows or warms."""
    earlier, later = {unit.name: unit for unit in before}, {unit.name: unit for unit in now}
    gone = map("{} does not belong to the experiment any more".format, sorted(earlier.keys() - later.keys()))
    joined = map("{} has joined".format, sorted(later.keys() - earlier.keys()))
    both = sorted(earlier.keys() & later.keys())
    return [*gone, *joined, *chain.from_iterable(_differing(earlier[name], later[name]) for name in both)]


def _differing(one: RehearsedUnit, other: RehearsedUnit) -> list[str]:
    seen_of_one, seen_of_other = _seen(one), _seen(other)
    return [f"{what} of {one.name}" for what, value in seen_of_one.items() if value != seen_of_other[what]]


def _seen(unit: RehearsedUnit) -> dict[str, object]:
    """Return what is compared, in words; volumes to 0.1 mL."""
    return {
        "the volume in the vial": None if unit.volume_ml is None else round(unit.volume_ml, 1),
        "the running jobs": {job.job for job in unit.running},
        "the configuration": unit.config,
        "the active calibrations": _names(unit.calibrations),
    }


def _names(calibrations: dict[str, dict[str, object]] | None) -> dict[str, object]:
    known = {} if calibrations is None else calibrations
    return {device: fields.get("calibration_name") for device, fields in known.items()}
