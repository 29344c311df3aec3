"""Stores that keep a record of what they were given, and that can fail as a full or failing disk does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pioreactor.exc import StorageError
from pioreactor.storage.memory import MemoryJournal, MemoryKeyValues, MemoryRecordSink, MemoryUnitStores
from pioreactor.storage.ports import FormerName, KeyType, Row, ValueType

Backup = tuple[dict[str, list[dict[str, ValueType]]], dict[tuple[str, str], int]]
COMMITS_AT_RISK = 3
"""How many of the newest commits a power cut may take from the leader's database, which syncs its log only at times."""


class Disk:
    """One unit's disk."""

    def __init__(self) -> None:
        self.is_full = False

    def refuse_when_full(self) -> None:
        if self.is_full:
            raise StorageError("the disk is full")


@dataclass(frozen=True)
class JournalCopy:
    """What a person copied of a journal's file."""

    journal_id: str
    former_names: tuple[FormerName, ...]
    last_seq: int
    acknowledged_seq: int


class RecordingJournal(MemoryJournal):
    """Remembers for ever what was appended: the truth that the leader's database is held against."""

    def __init__(self, journal_id: str, disk: Disk) -> None:
        super().__init__(journal_id)
        self._disk = disk
        self.appended: list[tuple[str, bytes, datetime]] = []
        self.gone: set[int] = set()
        """Places in `appended` of what was in this file alone when an older copy took its place."""
        self._places: list[int] = []
        """Entry number, less one → place in `appended`."""

    def append(self, entries: Sequence[tuple[str, bytes, datetime]]) -> int:
        self._disk.refuse_when_full()
        last = super().append(entries)
        self._places += range(len(self.appended), len(self.appended) + len(entries))
        self.appended += entries
        return last

    def acknowledge(self, through_seq: int) -> None:
        self._disk.refuse_when_full()
        super().acknowledge(through_seq)

    def copy(self) -> JournalCopy:
        return JournalCopy(self.journal_id, tuple(self._former_names), self._last, self._acknowledged)

    def put_back(self, copy: JournalCopy, *, leader_has: int) -> None:
        """Become the copy, under a new id, as the file does when it is opened."""
        self.gone.update(self._places[max(leader_has, copy.last_seq) :])
        del self._places[copy.last_seq :]
        del self._entries[max(copy.last_seq - self._trimmed, 0) :]
        self._last, self._acknowledged = copy.last_seq, copy.acknowledged_seq
        self._trimmed = min(self._trimmed, self._last)
        self._former_names = [*copy.former_names, FormerName(copy.journal_id, copy.last_seq)]
        self._rebirths += 1


class FullableKeyValues(MemoryKeyValues):
    """A cache on a disk that may be full."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self._disk = disk

    def set(self, key: KeyType, value: ValueType) -> None:
        self._disk.refuse_when_full()
        super().set(key, value)

    def set_if_absent(self, key: KeyType, value: ValueType) -> bool:
        self._disk.refuse_when_full()
        return super().set_if_absent(key, value)


def put_on_disk(stores: MemoryUnitStores, disk: Disk) -> RecordingJournal:
    """Let the journal and the persistent caches of a unit be on this disk."""
    journal = RecordingJournal(stores.journal().journal_id, disk)
    stores._journal = journal

    def persistent(name: str) -> MemoryKeyValues:
        return stores._persistent.setdefault(name, FullableKeyValues(disk))

    for name, cache in list(stores._persistent.items()):
        stores._persistent[name] = moved = FullableKeyValues(disk)
        moved._values.update(cache._values)
    stores.persistent = persistent  # type: ignore[method-assign]
    return journal


class FailingSink(MemoryRecordSink):
    """The leader's database. It can refuse, forget to log that it has committed, and lose its newest commits."""

    def __init__(self) -> None:
        super().__init__()
        self.fault = ""
        """`refuses`, or `silent`: commits, then fails; empty for none."""
        self._undo: list[dict[str, int]] = []
        self._progress_before: list[dict[tuple[str, str], int]] = []

    def commit(
        self,
        rows: Sequence[Row],
        *,
        progress: tuple[str, str, int] | None = None,
        former_names: Sequence[tuple[str, int]] = (),
    ) -> list[tuple[Row, str]]:
        if self.fault == "refuses":
            raise StorageError("the database is locked")
        if progress is not None:
            self._undo.append({table: len(found) for table, found in self.rows.items()})
            self._progress_before.append(dict(self._progress))
            del self._undo[:-COMMITS_AT_RISK], self._progress_before[:-COMMITS_AT_RISK]
        refused = super().commit(rows, progress=progress, former_names=former_names)
        if self.fault == "silent":
            raise StorageError("the disk failed while committing")
        return refused

    def copy(self) -> Backup:
        """Return what a backup holds: the rows, and how far each journal had come."""
        return {table: list(found) for table, found in self.rows.items()}, dict(self._progress)

    def put_back(self, backup: Backup) -> None:
        """Become an earlier backup."""
        self.rows = {table: list(found) for table, found in backup[0].items()}
        self._progress = dict(backup[1])
        self.sync()

    def sync(self) -> None:
        """Bring everything onto the disk: no power cut can take it any more."""
        self._undo.clear()
        self._progress_before.clear()

    def lose_newest(self, count: int) -> None:
        """Forget the newest commits, as a power cut may."""
        for _ in range(min(count, len(self._undo))):
            lengths, self._progress = self._undo.pop(), self._progress_before.pop()
            for table, found in self.rows.items():
                del found[lengths.get(table, 0) :]
