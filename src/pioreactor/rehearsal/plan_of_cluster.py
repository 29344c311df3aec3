"""The plan of a rehearsal on the units of a cluster, as they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from pioreactor.experiment_profiles.profile_struct import read_profile
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan, RehearsedUnit
from pioreactor.rehearsal.bottles import with_bottles
from pioreactor.rehearsal.present_state import AskUnit, read_units
from pioreactor.rehearsal.strain import scenario_fields
from pioreactor.rehearsal.unit_changes import changes_since
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
