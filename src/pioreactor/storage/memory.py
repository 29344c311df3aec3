"""The stores in memory: for virtual time, where many units live in one process, and for tests."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from pioreactor.exc import JobPresentError, StorageError
from pioreactor.storage.key_value_encoding import key_from_stored, stored_key, stored_value
from pioreactor.storage.ports import FormerName, JobRecord, JournalEntry, KeyType, Row, ValueType
from pioreactor.structs.encoding import to_timestamp

_ENTRY_OVERHEAD_BYTES = 32


def _always(pid: int, process_started_at: float | None) -> bool:  # noqa: ARG001  the shape of a liveness function
    return True


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryKeyValues:
    """One cache; values come back exactly as from a file."""

    def __init__(self) -> None:
        self._values: dict[str | int, ValueType] = {}
        self._lock = threading.RLock()
        self._depth = 0

    def get(self, key: KeyType, default: ValueType = None) -> ValueType:
        return self._values.get(stored_key(key), default)

    def set(self, key: KeyType, value: ValueType) -> None:
        stored = stored_value(value)
        with self._lock:
            self._values[stored_key(key)] = stored

    def set_if_absent(self, key: KeyType, value: ValueType) -> bool:
        stored, where = stored_value(value), stored_key(key)
        with self._lock:
            if where in self._values:
                return False
            self._values[where] = stored
            return True

    def pop(self, key: KeyType, default: ValueType = None) -> ValueType:
        with self._lock:
            return self._values.pop(stored_key(key), default)

    def items(self) -> list[tuple[KeyType, ValueType]]:
        with self._lock:
            return [(key_from_stored(key), value) for key, value in self._values.items()]

    @contextmanager
    def transaction(self) -> Iterator["MemoryKeyValues"]:
        with self._lock:
            before = dict(self._values) if self._depth == 0 else None
            self._depth += 1
            try:
                yield self
            except BaseException:
                if before is not None:
                    self._values.clear()
                    self._values.update(before)
                raise
            finally:
                self._depth -= 1


class MemoryJobRegistry:
    """The registry of one unit; who is alive is told by an injected function."""

    def __init__(
        self, *, alive: Callable[[int, float | None], bool] = _always, now: Callable[[], datetime] = _now
    ) -> None:
        self._alive = alive
        self._now = now
        self._lock = threading.RLock()
        self._jobs: dict[int, JobRecord] = {}
        self._settings: dict[int, dict[str, ValueType]] = {}
        self._last_id = 0

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
        with self._lock:
            if exclusive:
                present = [job for job in self.running(job_name=job_name) if job.unit == unit]
                if present:
                    raise JobPresentError(
                        f"{job_name} already runs on {unit} (process {present[0].pid}, {present[0].experiment})",
                        remedy=f"Stop it first: `pio kill --job-name {job_name}`.",
                    )
            self._last_id += 1
            self._jobs[self._last_id] = JobRecord(
                job_id=self._last_id,
                unit=unit,
                experiment=experiment,
                job_name=job_name,
                job_source=job_source,
                started_at=started_at,
                is_running=True,
                leader=leader,
                pid=pid,
                is_long_running_job=is_long_running,
                ended_at=None,
            )
            return self._last_id

    def finish(self, job_id: int, *, ended_at: str) -> None:
        with self._lock:
            job = self._jobs.get(job_id)
            if job is not None and job.is_running:
                self._jobs[job_id] = replace(job, is_running=False, ended_at=ended_at)

    def running(
        self,
        *,
        job_name: str | None = None,
        experiment: str | None = None,
        job_source: str | None = None,
        job_id: int | None = None,
    ) -> list[JobRecord]:
        with self._lock:
            found = [
                job
                for job in self._jobs.values()
                if job.is_running
                and job_name in (None, job.job_name)
                and experiment in (None, job.experiment)
                and job_source in (None, job.job_source)
                and job_id in (None, job.job_id)
            ]
            living = [job for job in found if self._alive(job.pid, job.process_started_at)]
            if len(living) < len(found):
                ended_at = to_timestamp(self._now())
                for job in found:
                    if job not in living:
                        self.finish(job.job_id, ended_at=ended_at)
            return _newest_first(living)

    def history(self, *, limit: int = 100) -> list[JobRecord]:
        with self._lock:
            self.running()
            return _newest_first(list(self._jobs.values()))[:limit]

    def get(self, job_id: int) -> JobRecord | None:
        return self._jobs.get(job_id)

    def purge(self, job_id: int) -> None:
        with self._lock:
            self._settings.pop(job_id, None)
            self._jobs.pop(job_id, None)

    def set_setting(self, job_id: int, setting: str, value: ValueType, *, at: str) -> None:  # noqa: ARG002  the port's
        stored = stored_value(value)
        with self._lock:
            settings = self._settings.setdefault(job_id, {})
            if stored is None:
                settings.pop(setting, None)
            else:
                settings[setting] = stored

    def settings(self, job_id: int) -> dict[str, ValueType]:
        with self._lock:
            return dict(self._settings.get(job_id, {}))


def _newest_first(jobs: list[JobRecord]) -> list[JobRecord]:
    return sorted(jobs, key=lambda job: (job.started_at, job.job_id), reverse=True)


class MemoryJournal:
    """The journal of one unit, numbered as the file's is."""

    def __init__(self, journal_id: str = "memory") -> None:
        """The id is given, not drawn, so that a simulation repeats byte for byte."""
        self.recovered: str | None = None
        self._journal_id = journal_id
        self._rebirths = 0
        self._former_names: list[FormerName] = []
        self._lock = threading.RLock()
        self._entries: list[JournalEntry] = []
        self._last = 0
        self._acknowledged = 0
        self._trimmed = 0
        self._bytes = 0

    @property
    def journal_id(self) -> str:
        return f"{self._journal_id}-{self._rebirths}" if self._rebirths else self._journal_id

    def former_names(self) -> list[FormerName]:
        return list(self._former_names)

    def reboot(self) -> None:
        """Take a new id, as the file does when it is opened after a start of the computer."""
        with self._lock:
            if self._last > 0:
                self._former_names = [*self._former_names, FormerName(self.journal_id, self._last)][-12:]
                self._rebirths += 1

    def append(self, entries: Sequence[tuple[str, bytes, datetime]]) -> int:
        with self._lock:
            for topic, payload, recorded_at in entries:
                self._last += 1
                self._entries.append(JournalEntry(self._last, topic, bytes(payload), _to_millisecond(recorded_at)))
                self._bytes += len(topic) + len(payload) + _ENTRY_OVERHEAD_BYTES
            return self._last

    def read(self, *, after_seq: int, limit: int) -> list[JournalEntry]:
        with self._lock:
            start = max(after_seq - self._trimmed, 0)
            return self._entries[start : start + limit]

    def last_seq(self) -> int:
        return self._last

    def acknowledged_seq(self) -> int:
        return self._acknowledged

    def acknowledge(self, through_seq: int) -> None:
        """Follow the leader's word as the file does, down as well; a word beyond the end gives a new id."""
        with self._lock:
            if through_seq > self._last:
                self._rebirths += 1
                self._former_names.clear()
                self.recovered = f"The journal ends at entry {self._last}, but the leader has {through_seq}."
            else:
                self._acknowledged = through_seq

    def adopt(self, copy: Path, aside: Path) -> int:  # noqa: ARG002  the shape of the port
        """Refuse: there is no file."""
        raise StorageError(f"the journal of this unit is kept in memory: {copy.name} cannot take its place")

    def append_from(self, aside: Path, *, after_seq: int) -> int:  # noqa: ARG002  the shape of the port
        return after_seq

    def trim(self, *, max_bytes: int) -> int:
        with self._lock:
            may_drop = bisect_right(self._entries, self._acknowledged, key=lambda entry: entry.seq)
            dropped = 0
            while dropped < may_drop and self._bytes > max_bytes:
                entry = self._entries[dropped]
                self._bytes -= len(entry.topic) + len(entry.payload) + _ENTRY_OVERHEAD_BYTES
                dropped += 1
            del self._entries[:dropped]
            self._trimmed += dropped
            return dropped

    def size_bytes(self) -> int:
        return self._bytes

    def close(self) -> None:
        """Nothing is held open; what was appended stays readable, as in a file."""


def _to_millisecond(moment: datetime) -> datetime:
    if moment.tzinfo is UTC and moment.microsecond % 1000 == 0:
        return moment
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class MemoryUnitStores:
    """Everything one unit keeps, for as long as the object lives."""

    def __init__(
        self,
        *,
        journal_id: str = "memory",
        alive: Callable[[int, float | None], bool] = _always,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._alive = alive
        self._now = now
        self._lock = threading.Lock()
        self._volatile: dict[str, MemoryKeyValues] = {}
        self._persistent: dict[str, MemoryKeyValues] = {}
        self._jobs = MemoryJobRegistry(alive=alive, now=now)
        self._journal = MemoryJournal(journal_id)

    def volatile(self, name: str) -> MemoryKeyValues:
        with self._lock:
            return self._volatile.setdefault(name, MemoryKeyValues())

    def persistent(self, name: str) -> MemoryKeyValues:
        with self._lock:
            return self._persistent.setdefault(name, MemoryKeyValues())

    def cache_names(self) -> list[str]:
        with self._lock:
            return sorted({name for kept in (self._volatile, self._persistent) for name in kept})

    def jobs(self) -> MemoryJobRegistry:
        return self._jobs

    def journal(self) -> MemoryJournal:
        return self._journal

    def reboot(self) -> None:
        """Forget what a power cut forgets: volatile caches and the job registry."""
        self._journal.reboot()
        with self._lock:
            self._volatile.clear()
            self._jobs = MemoryJobRegistry(alive=self._alive, now=self._now)

    def close(self) -> None:
        """Nothing is held open."""


@dataclass
class MemoryRecordSink:
    """A leader's database that is a dictionary of lists.

    `columns` (table → its columns, and whether each must be given) makes it as strict as the file; without it every
    row is taken.
    """

    columns: Mapping[str, Mapping[str, bool]] | None = None
    rows: dict[str, list[dict[str, ValueType]]] = field(default_factory=dict)
    quarantined: list[tuple[Row, str]] = field(default_factory=list)
    _progress: dict[tuple[str, str], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def commit(
        self,
        rows: Sequence[Row],
        *,
        progress: tuple[str, str, int] | None = None,
        former_names: Sequence[tuple[str, int]] = (),
    ) -> list[tuple[Row, str]]:
        refused = []
        with self._lock:
            if progress is not None:
                unit, journal_id, through_seq = progress
                if through_seq <= self._progress.get((unit, journal_id), 0):
                    return []
                for name, last_seq in ((journal_id, through_seq), *former_names):
                    key = (unit, name)
                    self._progress[key] = max(self._progress.get(key, 0), min(through_seq, last_seq))
            for row in rows:
                reason = self._reason_against(row)
                if reason is None:
                    self.rows.setdefault(row.table, []).append(dict(row.values))
                else:
                    refused.append((row, reason))
            self.quarantined.extend(refused)
        return refused

    def progress(self, unit: str, journal_id: str) -> int:
        return self._progress.get((unit, journal_id), 0)

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def roll_up(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is held open."""

    def _reason_against(self, row: Row) -> str | None:
        if self.columns is None:
            return None
        known = self.columns.get(row.table)
        if known is None:
            return f"there is no table {row.table}"
        unknown = sorted(set(row.values) - set(known))
        if unknown:
            return f"{row.table} has no column {', '.join(unknown)}"
        missing = sorted(name for name, needed in known.items() if needed and row.values.get(name) is None)
        return f"{row.table} needs {', '.join(missing)}" if missing else None
