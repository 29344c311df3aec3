"""How far a run of a profile has come, kept on the leader's disk so that a power cut does not end it."""

from __future__ import annotations

import msgspec

from pioreactor.storage.ports import KeyValues, UnitStores

CACHE = "experiment_profile_progress"


class Entry(msgspec.Struct, order=True, frozen=True):
    """One action that is to come. Entries sort in the order in which they are carried out."""

    due_s: float
    """Since the profile began."""
    priority: int
    number: int
    """In the order of being planned, among entries of one unit."""
    job: str
    path: str
    """Where the action stands in the profile."""
    round: int = 0
    """Of a repeat: how often it went round. Of a when: how often it looked."""


class TrackProgress(msgspec.Struct):
    """What is to come on one unit, and what is being done."""

    pending: list[Entry] = []
    doing: Entry | None = None
    """An action that was begun and not noted as done: after a crash nobody knows whether it happened."""
    planned: int = 0


class RunProgress(msgspec.Struct):
    """A run as a whole."""

    run_id: str
    filename: str
    profile: str
    """The text with which it began: later edits of the file do not change a run."""
    experiment: str
    source: str
    """`JOB_SOURCE` of what it starts."""
    started_at: str
    elapsed_s: float = 0.0
    noted_at: str = ""
    """When `elapsed_s` was noted."""
    action_count: int = 0


class ProgressBook:
    """Reads and writes the progress of one run."""

    def __init__(self, stores: UnitStores, run_id: str) -> None:
        self._cache = stores.persistent(CACHE)
        self._run_id = run_id

    def note(self, run: RunProgress) -> None:
        self._cache.set(self._run_id, msgspec.json.encode(run).decode())

    def note_track(self, unit: str, track: TrackProgress) -> None:
        self._cache.set((self._run_id, unit), msgspec.json.encode(track).decode())

    def tracks(self) -> dict[str, TrackProgress]:
        """Return the progress of each unit."""
        found = {}
        for key, text in self._cache.items():
            if isinstance(key, tuple) and key[0] == self._run_id and isinstance(text, str):
                found[str(key[1])] = msgspec.json.decode(text, type=TrackProgress)
        return found

    def forget(self) -> None:
        """The run is over."""
        for key, _ in list(self._cache.items()):
            if key == self._run_id or (isinstance(key, tuple) and key[0] == self._run_id):
                self._cache.pop(key)


def unfinished(stores: UnitStores) -> list[RunProgress]:
    """Return the runs that were neither finished nor stopped, the oldest first; what cannot be read is dropped."""
    cache = stores.persistent(CACHE)
    runs = [run for key, text in cache.items() if isinstance(key, str) and (run := _read(cache, key, text)) is not None]
    return sorted(runs, key=lambda run: run.started_at)


def _read(cache: KeyValues, key: str, text: object) -> RunProgress | None:
    try:
        return msgspec.json.decode(text if isinstance(text, str | bytes) else b"", type=RunProgress)
    except msgspec.DecodeError:
        cache.pop(key)
        return None
