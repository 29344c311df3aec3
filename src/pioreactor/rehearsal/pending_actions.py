"""Actions of a rehearsed profile that are not done yet, and what is wrong with those that are left at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from pioreactor.experiment_profiles.checkpoint import CheckpointStore, Entry, RunProgress, UnitProgress
from pioreactor.experiment_profiles.profile_struct import Profile, Repeat, When
from pioreactor.experiment_profiles.unit_runner import find_action
from pioreactor.rehearsal.hazards import HazardLog


@dataclass
class PendingActions(CheckpointStore):
    """Progress of a run, which ends with it: what is pending stays visible to the rehearsal."""

    log: HazardLog
    of_units: dict[str, UnitProgress] = field(default_factory=dict)

    def save_run(self, run: RunProgress) -> None:
        """A rehearsal is not continued after a power cut."""

    def save_unit(self, unit: str, progress: UnitProgress) -> None:
        self.of_units[unit] = progress
        self.log.now_doing(unit, progress)

    def load_units(self) -> dict[str, UnitProgress]:
        return {}

    def delete(self) -> None:
        self.of_units.clear()

    def note_left(self, profile: Profile, end_h: float) -> None:
        """Note conditions that were not met and loops that continue at the end, `end_h` after the start [h]."""
        for unit, progress in sorted(self.of_units.items()):
            for entry in progress.pending:
                self._note(profile, unit, entry, end_h)

    def _note(self, profile: Profile, unit: str, entry: Entry, end_h: float) -> None:
        action = find_action(profile, entry.path) if entry.round > 0 else None
        if isinstance(action, When):
            text = f"`{action.awaited}` is not met within {end_h:.3g} h"
            self.log.add("condition_never_met", unit, text, path=entry.path)
        elif isinstance(action, Repeat) and action.longest is None:
            text = f"the loop continues after {end_h:.3g} h and has no `max_time`"
            self.log.add("loop_never_ends", unit, text, path=entry.path)
