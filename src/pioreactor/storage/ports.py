"""The promises of storage. Adapters: SQLite (processes share it) and memory (one process, virtual time)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

KeyType = str | int | tuple[str | int, ...]
ValueType = str | int | float | bytes | None
SqlRow = tuple[Any, ...]


class SqlCursor(Protocol):
    """What a statement returned, by any database."""

    @property
    def description(self) -> object: ...

    def fetchone(self) -> SqlRow | None: ...

    def fetchmany(self, size: int = ...) -> list[SqlRow]: ...

    def fetchall(self) -> list[SqlRow]: ...

    def __iter__(self) -> Iterator[SqlRow]: ...


class SqlConnection(Protocol):
    """A connection whose parameters are `?`."""

    def execute(self, sql: str, parameters: Sequence[ValueType] = ..., /) -> SqlCursor: ...

    def executemany(self, sql: str, rows: Iterable[Sequence[ValueType]], /) -> object: ...


class RowReader(Protocol):
    """One moment of a database, read in parts: see `leader.dataset_rows`."""

    @property
    def mark(self) -> str:
        """Return what stands for a parameter."""
        ...

    def escaped(self, sql: str) -> str:
        """Return SQL of others as a part of a query with parameters."""
        ...

    def stream(self, sql: str, values: Sequence[ValueType]) -> Iterator[SqlRow]:
        """Yield the rows of a query, few of them in memory."""
        ...

    def tables(self) -> list[str]:
        """Return the tables with data by name: neither views nor parts of a table."""
        ...

    def names_of(self, source: str) -> list[str]:
        """Return the names of the columns of a table or a query in parentheses."""
        ...

    def declared_columns(self, table: str) -> list[tuple[str, str, bool]]:
        """Return name, type in the database's own words, and whether NULL is allowed; empty for an unknown table."""
        ...

    def key_of(self, table: str) -> list[str]:
        """Return the columns that tell the rows of a table apart, or that number them; empty for a view."""
        ...


class SharedSqlConnection(Protocol):
    """A connection of a process: see `sqlite.shared_connection.SharedConnection`."""

    def execute(self, sql: str, parameters: tuple[ValueType, ...] = ()) -> list[SqlRow]: ...

    def transaction(self) -> AbstractContextManager[None]: ...

    def close(self) -> None: ...


"""A row as a database returns it: which types its values have, the statement decides."""


class KeyValues(Protocol):
    """One named cache. Every call is atomic; keys that are tuples are stored as JSON arrays."""

    def get(self, key: KeyType, default: ValueType = None) -> ValueType: ...

    def set(self, key: KeyType, value: ValueType) -> None: ...

    def set_if_absent(self, key: KeyType, value: ValueType) -> bool:
        """Return True when the value was stored, False when the key was there."""
        ...

    def pop(self, key: KeyType, default: ValueType = None) -> ValueType: ...

    def items(self) -> list[tuple[KeyType, ValueType]]: ...

    def transaction(self) -> AbstractContextManager["KeyValues"]:
        """Hold the write lock over several calls: all of them happen, or none."""
        ...


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One row of `pio_job_metadata`, plus what tells a living process from a dead one's number."""

    job_id: int
    unit: str
    experiment: str
    job_name: str
    job_source: str
    started_at: str
    is_running: bool
    leader: str
    pid: int
    is_long_running_job: bool
    ended_at: str | None
    process_started_at: float | None = None
    """Kernel start time of the process [clock ticks since boot]: PID and this together are unique."""


class JobRegistry(Protocol):
    """Which jobs run on this unit, and what their settings are. A job whose process is dead is never "running"."""

    def register(
        self,
        *,
        unit: str,
        experiment: str,
        job_name: str,
        job_source: str,
        leader: str,
        pid: int,
        is_long_running: bool,
        started_at: str,
        exclusive: bool,
    ) -> int:
        """Add a running job and return its id. `exclusive`: refuse atomically (`JobPresentError`) when it runs."""
        ...

    def finish(self, job_id: int, *, ended_at: str) -> None: ...

    def running(
        self,
        *,
        job_name: str | None = None,
        experiment: str | None = None,
        job_source: str | None = None,
        job_id: int | None = None,
    ) -> list[JobRecord]:
        """Return living jobs, newest first; ends the rows of dead processes on the way."""
        ...

    def history(self, *, limit: int = 100) -> list[JobRecord]: ...

    def get(self, job_id: int) -> JobRecord | None: ...

    def purge(self, job_id: int) -> None: ...

    def set_setting(self, job_id: int, setting: str, value: ValueType, *, at: str) -> None:
        """Remember a published setting; None forgets it."""
        ...

    def settings(self, job_id: int) -> dict[str, ValueType]: ...


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One recorded message, as it was (or will be) published."""

    seq: int
    topic: str
    payload: bytes
    recorded_at: datetime


class FormerName(NamedTuple):
    """A name that a journal had, and the last entry that it had under it."""

    journal_id: str
    through_seq: int


class Journal(Protocol):
    """The unit's append-only record of what must reach the leader's database (decision 7).

    Processes of one unit share it. `seq` grows by one per entry across all of them, in commit order, without gaps.
    """

    @property
    def journal_id(self) -> str:
        """Return the random name under which entries are numbered now: it is new after each start of the computer, and
        for a journal that was restored from a copy."""
        ...

    def former_names(self) -> list[FormerName]:
        """Return the names that this journal had before, oldest first; the latest dozen.

        What is in the leader's database under such a name, up to its last entry, is what this journal holds as well.
        """
        ...

    @property
    def recovered(self) -> str | None:
        """Return what this process noticed of damage, in a sentence for the log; None when nothing happened."""
        ...

    def append(self, entries: Sequence[tuple[str, bytes, datetime]]) -> int:
        """Commit (topic, payload, recorded_at) entries durably in one transaction; return the last seq."""
        ...

    def read(self, *, after_seq: int, limit: int) -> list[JournalEntry]: ...

    def last_seq(self) -> int: ...

    def acknowledged_seq(self) -> int: ...

    def acknowledge(self, through_seq: int) -> None:
        """Remember that the leader has committed everything up to and including this.

        The leader's word counts in both directions: one that lost its last commits in a power cut says less than
        before, and is sent the rest again. A word beyond our last entry means that this journal lost its tail; it then
        takes a new id, so that later entries are not mistaken for those the leader has.
        """
        ...

    def trim(self, *, max_bytes: int) -> int:
        """Drop the oldest acknowledged entries until the budget holds; never an unacknowledged one. Return how many."""
        ...

    def size_bytes(self) -> int:
        """Return what the entries occupy; still above the budget after `trim` means that the leader is far behind."""
        ...

    def adopt(self, copy: Path, aside: Path) -> int:
        """Continue with a copy of this unit's journal from another disk, and keep the present file as `aside`.

        Entries here that are not acknowledged are appended to it; return the number of the last of them in `aside`,
        to which other processes append until they notice. Raise `StorageError`.
        """
        ...

    def append_from(self, aside: Path, *, after_seq: int) -> int:
        """Append what other processes still wrote to a file that was put aside; return its last entry."""
        ...

    def close(self) -> None: ...


class UnitStores(Protocol):
    """Everything one unit keeps."""

    def volatile(self, name: str) -> KeyValues:
        """Open a cache that is empty after a reboot."""
        ...

    def persistent(self, name: str) -> KeyValues: ...

    def cache_names(self) -> list[str]:
        """Return the names of the caches that were written to, in both storages, sorted."""
        ...

    def jobs(self) -> JobRegistry: ...

    def journal(self) -> Journal: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One row for a table of the leader's database; columns are checked against the schema."""

    table: str
    values: dict[str, ValueType]


class RecordSink(Protocol):
    """Where the database writer puts rows (leader)."""

    def commit(
        self,
        rows: Sequence[Row],
        *,
        progress: tuple[str, str, int] | None = None,
        former_names: Sequence[tuple[str, int]] = (),
    ) -> list[tuple[Row, str]]:
        """Insert rows and progress (unit, journal_id, through_seq) in one transaction.

        `former_names` of the journal, each with its last entry, are brought up to the same progress: an older copy of
        the journal may know it by one of these alone.
        A row the database refuses is put into quarantine with its reason and returned; the rest is committed.
        Raise `StorageError` when nothing could be committed (locked, full): the caller keeps the rows and tries again.
        """
        ...

    def progress(self, unit: str, journal_id: str) -> int:
        """Return the last committed seq of a unit's journal, 0 when none."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """Make the commits within the block one transaction: all of them happen, or none.

        Raise `StorageError` at its end when it could not be committed.
        """
        ...

    def roll_up(self) -> int:
        """Add stored rows that wait to their roll-ups, as many as one transaction takes; return how many (0: none).

        Raise `StorageError`.
        """
        ...

    def close(self) -> None: ...


ArtifactKind = Literal["calibrations", "estimators"]


class ArtifactFiles(Protocol):
    """The texts (YAML) of a unit's calibrations and estimators, one per kind, device and name.

    Devices and names are safe path components (spec core §5.1); others raise `InvalidRequestError`.
    """

    def read(self, kind: ArtifactKind, device: str, name: str) -> str | None:
        """Return the text, None when there is none; raise `StorageError` when it cannot be read."""
        ...

    def write(self, kind: ArtifactKind, device: str, name: str, text: str) -> None:
        """Put the text in place of what was there: a crash leaves the old text or the new one."""
        ...

    def delete(self, kind: ArtifactKind, device: str, name: str) -> bool:
        """Return whether there was one."""
        ...

    def names(self, kind: ArtifactKind) -> dict[str, list[str]]:
        """Return device → names, both sorted; a device without any is omitted."""
        ...
