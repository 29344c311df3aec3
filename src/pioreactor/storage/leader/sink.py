"""Where the database writer puts rows: one transaction per batch, one statement per table.

Plain `sqlite3`, so that the process that streams measurements needs neither SQLAlchemy nor its memory.
"""

import json
import sqlite3
import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pioreactor.exc import StorageError
from pioreactor.storage.leader.migrating import upgrade
from pioreactor.storage.leader.tables import TABLES
from pioreactor.storage.ports import Row, ValueType
from pioreactor.structs.wire import to_timestamp

_SHARED = (
    "PRAGMA busy_timeout=15000",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-4000",
    "PRAGMA wal_autocheckpoint=4000",
)
_ALONE = (
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA synchronous=OFF",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-16000",
    "PRAGMA wal_autocheckpoint=16000",
)
_COMMIT_EVERY = 20_000
"""Rows per transaction in `alone` mode."""

Group = tuple[str, tuple[str, ...]]
"""Rows of one table that give the same columns: one prepared statement."""


def _now() -> datetime:
    return datetime.now(UTC)


class SqliteRecordSink:
    """See `ports.RecordSink`. Rows of unknown experiments are stored, as the experiment may be created later.

    Within one batch the rows of a table keep their order. `mode="alone"` is for a simulation that owns the file:
    transactions are larger, commit when enough rows wait, on `flush` and on `close`; a `StorageError` or a power cut
    costs what waited, too.
    """

    def __init__(
        self, path: Path, *, now: Callable[[], datetime] = _now, mode: Literal["shared", "alone"] = "shared"
    ) -> None:
        """Open the database, bringing it up to date. `now` stamps quarantined rows. Raises `StorageError`."""
        upgrade(path)
        self._path = path
        self._now = now
        self._alone = mode == "alone"
        self._waiting = 0
        self._closed = False
        self._lock = threading.Lock()
        self._columns = {name: frozenset(column.name for column in table.columns) for name, table in TABLES.items()}
        self._statements: dict[Group, str] = {}
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in _ALONE if self._alone else _SHARED:
                self._connection.execute(pragma)
        except sqlite3.Error as error:
            raise StorageError(f"{path.name} cannot be opened: {error}") from error

    def commit(self, rows: Sequence[Row], *, progress: tuple[str, str, int] | None = None) -> list[tuple[Row, str]]:
        """Rows that belong to `progress` already known are ignored: a batch that is sent twice is stored once."""
        with self._lock:
            try:
                if not self._connection.in_transaction:
                    self._connection.execute("BEGIN IMMEDIATE")
                if progress is not None and progress[2] <= self._progress(progress[0], progress[1]):
                    self._end(0)
                    return []
                refused = self._insert(rows)
                for row, reason in refused:
                    self._quarantine(row, reason)
                if progress is not None:
                    self._connection.execute(
                        "INSERT INTO journal_progress (unit, journal_id, through_seq) VALUES (?, ?, ?) "
                        "ON CONFLICT (unit, journal_id) DO UPDATE SET through_seq = excluded.through_seq",
                        progress,
                    )
                self._end(len(rows))
            except sqlite3.Error as error:
                self._roll_back()
                raise StorageError(f"{self._path.name} took none of {len(rows)} rows: {error}") from error
            except BaseException:
                self._roll_back()
                raise
            return refused

    def progress(self, unit: str, journal_id: str) -> int:
        with self._lock:
            try:
                return self._progress(unit, journal_id)
            except sqlite3.Error as error:
                raise StorageError(f"{self._path.name} cannot be read: {error}") from error

    def flush(self) -> None:
        """Commit what waits (`alone` mode). Raises `StorageError`."""
        with self._lock:
            try:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")
                self._waiting = 0
            except sqlite3.Error as error:
                raise StorageError(f"{self._path.name} cannot be written: {error}") from error

    def close(self) -> None:
        """Commit what waits and let go of the file. Safe to call twice."""
        if self._closed:
            return
        self.flush()
        with self._lock:
            self._closed = True
            self._connection.close()

    def _end(self, count: int) -> None:
        self._waiting += count
        if not self._alone or self._waiting >= _COMMIT_EVERY:
            self._connection.execute("COMMIT")
            self._waiting = 0

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._waiting = 0

    def _progress(self, unit: str, journal_id: str) -> int:
        found = self._connection.execute(
            "SELECT through_seq FROM journal_progress WHERE unit = ? AND journal_id = ?", (unit, journal_id)
        ).fetchone()
        return int(found[0]) if found else 0

    def _insert(self, rows: Sequence[Row]) -> list[tuple[Row, str]]:
        groups: dict[Group, list[Row]] = {}
        for row in rows:
            groups.setdefault((row.table, tuple(row.values)), []).append(row)
        refused: dict[int, str] = {}
        for group, members in groups.items():
            refused |= self._insert_group(group, members)
        return [(row, refused[id(row)]) for row in rows if id(row) in refused]

    def _insert_group(self, group: Group, rows: list[Row]) -> dict[int, str]:
        """Insert all rows at once; when the database refuses that, one by one. Return id of row → reason."""
        wrong = self._wrong_with(group)
        if wrong is not None:
            return {id(row): wrong for row in rows}
        statement = self._statements[group]
        reason = self._attempt(statement, rows)
        if reason is None:
            return {}
        if len(rows) == 1:
            return {id(rows[0]): reason}
        reasons = {id(row): self._attempt(statement, [row]) for row in rows}
        return {row: why for row, why in reasons.items() if why is not None}

    def _attempt(self, statement: str, rows: list[Row]) -> str | None:
        """Insert all of the rows or none; return why not. What is wrong with the file itself is raised."""
        self._connection.execute("SAVEPOINT attempt")
        try:
            self._connection.executemany(statement, [tuple(row.values.values()) for row in rows])
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, OverflowError) as error:
            self._connection.execute("ROLLBACK TO attempt")
            return str(error)
        finally:
            if self._connection.in_transaction:
                self._connection.execute("RELEASE attempt")
        return None

    def _wrong_with(self, group: Group) -> str | None:
        if group in self._statements:
            return None
        table, given = group
        columns = self._columns.get(table) or self._columns_of_plugin(table)
        if not columns:
            return f"there is no table {table}"
        unknown = sorted(set(given) - columns)
        if unknown or not given:
            return f"{table} has no column {', '.join(unknown)}" if unknown else "the row is empty"
        self._statements[group] = f'INSERT INTO "{table}" ({", ".join(given)}) VALUES ({", ".join("?" * len(given))})'
        return None

    def _columns_of_plugin(self, table: str) -> frozenset[str]:
        """Return the columns of a table that a plugin created."""
        found = frozenset(
            str(row[0]) for row in self._connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        )
        if found:
            self._columns[table] = found
        return found

    def _quarantine(self, row: Row, reason: str) -> None:
        payload = json.dumps({name: _printable(value) for name, value in row.values.items()}, default=str)
        unit = row.values.get("pioreactor_unit")
        self._connection.execute(
            "INSERT INTO quarantined_rows (received_at, pioreactor_unit, table_name, payload, reason) "
            "VALUES (?, ?, ?, ?, ?)",
            (to_timestamp(self._now()), None if unit is None else str(unit), row.table, payload, reason),
        )


def _printable(value: ValueType) -> ValueType:
    return b64encode(value).decode() if isinstance(value, bytes) else value
