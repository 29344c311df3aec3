"""Progress of a profile run, stored on the leader's disk so that the run continues after a power cut."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from pioreactor.storage.ports import KeyValues, UnitStores

CACHE = "experiment_profile_progress"
MAX_SKIP_REASONS: Final = 5
Outcome: TypeAlias = Literal["done", "failed", "skipped"]
"""What became of one action."""


class Entry(msgspec.Struct, order=True, frozen=True):
    """One pending action. Entries sort in the order of execution."""

    due_s: float
    """Time since the start of the profile [s]."""
    priority: int
    number: int
    """Sequence number of the entry within its unit."""
    job: str
    path: str
    """Path of the action within the profile."""
    round: int = 0
    """Completed iterations of a repeat, or completed checks of the condition of a when."""


class UnitProgress(msgspec.Struct):
    """Pending actions of one unit, and the action in progress."""

    pending: list[Entry] = []
    doing: Entry | None = None
    """Action that was started and not recorded as done: after a crash its outcome is unknown."""
    planned: int = 0
    lit: set[str] = set()
    """Channels of LEDs that the profile itself has switched on, without a job."""


class RunProgress(msgspec.Struct):
    """Progress of a run as a whole."""

    run_id: str
    filename: str
    profile: str
    """Text of the profile at the start: later edits of the file do not change a run."""
    experiment: str
    source: str
    """`JOB_SOURCE` of the jobs that the run starts."""
    started_at: str
    elapsed_s: float = 0.0
    noted_at: str = ""
    """When `elapsed_s` was recorded."""
    action_count: int = 0
    done: int = 0
    """Actions that were carried out. A when and a repeat count by their inner actions."""
    failed: int = 0
    skipped: int = 0
    skip_reasons: list[str] = []
    """The first few reasons for which actions were skipped."""

    def count(self, outcome: Outcome, reason: str, number: int) -> None:
        """Count actions by what became of them."""
        match outcome:
            case "done":
                self.done += number
            case "failed":
                self.failed += number
            case "skipped":
                self.skipped += number
                if reason not in self.skip_reasons and len(self.skip_reasons) < MAX_SKIP_REASONS:
                    self.skip_reasons.append(reason)

    def summary(self) -> str:
        """Return the counts in words, such as `2 done, 4 failed, 1 skipped (condition false: od2.od = 0.007)`."""
        counts = [f"{self.done} done"]
        if self.failed:
            counts.append(f"{self.failed} failed")
        if self.skipped:
            counts.append(f"{self.skipped} skipped ({'; '.join(self.skip_reasons)})")
        return ", ".join(counts)


class CheckpointStore:
    """Storage of the progress of one run."""

    def __init__(self, stores: UnitStores, run_id: str) -> None:
        self._cache = stores.persistent(CACHE)
        self._run_id = run_id

    def save_run(self, run: RunProgress) -> None:
        """Store the progress of the run as a whole."""
        self._cache.set(self._run_id, msgspec.json.encode(run).decode())

    def save_unit(self, unit: str, progress: UnitProgress) -> None:
        """Store the progress of one unit."""
        self._cache.set((self._run_id, unit), msgspec.json.encode(progress).decode())

    def load_units(self) -> dict[str, UnitProgress]:
        """Return the progress of each unit."""
        found = {}
        for key, text in self._cache.items():
            if isinstance(key, tuple) and key[0] == self._run_id and isinstance(text, str):
                found[str(key[1])] = msgspec.json.decode(text, type=UnitProgress)
        return found

    def delete(self) -> None:
        """Delete the progress of a run that has ended."""
        for key, _ in list(self._cache.items()):
            if key == self._run_id or (isinstance(key, tuple) and key[0] == self._run_id):
                self._cache.pop(key)


def unfinished_runs(stores: UnitStores) -> list[RunProgress]:
    """Return the runs that were neither finished nor stopped, oldest first; drop unreadable records."""
    cache = stores.persistent(CACHE)
    runs = [run for key, text in cache.items() if isinstance(key, str) and (run := _read(cache, key, text)) is not None]
    return sorted(runs, key=lambda run: run.started_at)


def _read(cache: KeyValues, key: str, text: object) -> RunProgress | None:
    try:
        return msgspec.json.decode(text if isinstance(text, str | bytes) else b"", type=RunProgress)
    except msgspec.DecodeError:
        cache.pop(key)
        return None
