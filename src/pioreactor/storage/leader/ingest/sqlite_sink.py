"""Where the database writer puts rows: one transaction per batch, one statement per table.

Plain `sqlite3`, so that the process that streams measurements needs neither SQLAlchemy nor its memory.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pioreactor.exc import StorageError
from pioreactor.storage.leader.ingest.plugin_tables import create_plugin_tables
from pioreactor.storage.leader.ingest.quarantined_rows import Reader, Retried, described, rows_again, well_formed
from pioreactor.storage.leader.migrate import upgrade
from pioreactor.storage.leader.rollups.sqlite_rollups import SqliteRollups
from pioreactor.storage.ports import Row
from pioreactor.storage.sqlite_errors import is_of_the_file, storage_error
from pioreactor.structs.encoding import to_timestamp

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
_ROLL_UP_EVERY = 2000
"""Rows of a table that wait before they are rolled up: readers add those that wait, and each bucket is written once for
many rows."""
_COMMIT_EVERY = 20_000
"""Rows per transaction in `alone` mode."""

Group = tuple[str, tuple[str, ...]]
"""Rows of one table that give the same columns: one prepared statement."""
_NONE: Mapping[int, str] = {}


def _now() -> datetime:
    return datetime.now(UTC)


class _TransactionLostError(Exception):
    """A trigger of a plugin rolled back everything because of one of these rows."""

    def __init__(self, group: Group, rows: list[Row], reason: str) -> None:
        super().__init__(reason)
        self.group = group
        self.rows = rows
        self.reason = reason


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
        self._is_together = False
        self._lock = threading.Lock()
        self._columns: dict[str, frozenset[str]] = {}
        self._statements: dict[Group, str] = {}
        self._not_rolled_up: dict[str, int] = {}
        self._connection = self._opened()

    def _opened(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            for pragma in _ALONE if self._alone else _SHARED:
                connection.execute(pragma)
            create_plugin_tables(connection)
            self._rollups = SqliteRollups(connection)
            self._inode = self._path.stat().st_ino
        except (sqlite3.Error, OSError) as error:
            raise storage_error(f"{self._path.name} cannot be opened", error) from error
        return connection

    def _follow_the_file(self) -> None:
        """Open what lies at the path if that is another file than before: rows for a deleted one would be lost."""
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            raise StorageError(
                f"{self._path.name} was removed",
                remedy="Put a backup in its place (pio backups restore FILE), or restart mqtt_to_db_streaming, which "
                "begins an empty one.",
            ) from None
        except OSError as error:
            raise storage_error(f"{self._path.name} cannot be used", error) from error
        if inode == self._inode:
            return
        upgrade(self._path)
        before, self._connection = self._connection, self._opened()
        before.close()
        self._statements.clear()
        self._columns.clear()

    def commit(
        self,
        rows: Sequence[Row],
        *,
        progress: tuple[str, str, int] | None = None,
        former_names: Sequence[tuple[str, int]] = (),
    ) -> list[tuple[Row, str]]:
        """Rows that belong to `progress` already known are ignored: a batch that is sent twice is stored once."""
        with self._transaction(f"{self._path.name} took none of {len(rows)} rows"):
            if progress is not None and progress[2] <= self._progress(progress[0], progress[1]):
                self._end(0)
                return []
            refused = self._insert_again_and_again(rows)
            for row, reason in refused:
                self._quarantine(row, reason)
            if progress is not None:
                self._note_progress(*progress)
                for name, last_seq in former_names:
                    self._note_progress(progress[0], name, min(progress[2], last_seq))
            self._roll_up_full_tables()
            self._end(len(rows))
            return refused

    @contextmanager
    def _transaction(self, failure: str) -> Iterator[None]:
        """Begin a transaction unless one is open; undo it when the block raises."""
        with self._lock:
            try:
                if not self._connection.in_transaction:
                    self._follow_the_file()
                    self._connection.execute("BEGIN IMMEDIATE")
                yield
            except sqlite3.Error as error:
                self._roll_back()
                raise storage_error(failure, error) from error
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def together(self) -> Iterator[None]:
        """See `ports.RecordSink`. In `alone` mode transactions are large anyway, and end when enough rows wait."""
        if self._alone:
            yield
            return
        self._is_together = True
        try:
            yield
            self.flush()
        finally:
            self._is_together = False
            with self._lock:
                self._roll_back()

    def roll_up(self) -> int:
        """Add rows that wait to the roll-ups, in an amount for one transaction; return how many (0: none waits).

        Raises `StorageError`.
        """
        with self._transaction(f"the roll-ups of {self._path.name} cannot be written"):
            done = self._rollups.step()
            self._end(0)
            return done

    def forget_roll_ups(self, table: str) -> None:
        """Remove the roll-ups of a table, which are made anew from its rows. Raises `StorageError`."""
        with self._transaction(f"the roll-ups of {self._path.name} cannot be written"):
            self._rollups.forget(self._rollups.tables[table])
            self._end(0)

    def _roll_up_full_tables(self) -> None:
        for table, rows in self._not_rolled_up.items():
            if rows >= _ROLL_UP_EVERY and table in self._rollups.tables:
                self._rollups.add_new_rows(self._rollups.tables[table])
                self._not_rolled_up[table] = 0

    def progress(self, unit: str, journal_id: str) -> int:
        with self._lock:
            try:
                if not self._connection.in_transaction:
                    self._follow_the_file()
                return self._progress(unit, journal_id)
            except sqlite3.Error as error:
                raise storage_error(f"{self._path.name} cannot be read", error) from error

    def retry(self, ids: Sequence[int], read: Reader) -> list[Retried]:
        """Insert quarantined rows as if they came now; `read` makes rows of a message. All rows of one, or none.

        What is stored leaves quarantine in the same transaction; what fails stays, with the new reason. Ids that are
        not there are skipped. Raises `StorageError` when the database takes no more.
        """
        with self._lock:
            try:
                self._follow_the_file()
                return [result for id_ in ids if (result := self._retry_alone(id_, read)) is not None]
            except sqlite3.Error as error:
                raise storage_error(f"{self._path.name} cannot be written", error) from error
            finally:
                self._roll_back()

    def _retry_alone(self, id_: int, read: Reader) -> Retried | None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = self._retry(id_, read)
        except _TransactionLostError as lost:
            self._connection.execute("BEGIN IMMEDIATE")
            result = self._stays(id_, lost.reason)
        self._connection.execute("COMMIT")
        return result

    def _retry(self, id_: int, read: Reader) -> Retried | None:
        found = self._connection.execute(
            "SELECT topic, table_name, payload, recorded_at FROM quarantined_rows WHERE rowid = ?", (id_,)
        ).fetchone()
        if found is None:
            return None
        rows, reason = rows_again(*found, read=read)
        if reason is None:
            self._connection.execute("SAVEPOINT again")
            refused = self._insert(rows)
            if refused:
                reason = refused[0][1]
                self._connection.execute("ROLLBACK TO again")
            self._connection.execute("RELEASE again")
        if reason is None:
            self._connection.execute("DELETE FROM quarantined_rows WHERE rowid = ?", (id_,))
            return Retried(id_, len(rows), None)
        return self._stays(id_, reason)

    def _stays(self, id_: int, reason: str) -> Retried:
        self._connection.execute("UPDATE quarantined_rows SET reason = ? WHERE rowid = ?", (reason, id_))
        return Retried(id_, 0, reason)

    def flush(self) -> None:
        """Commit what waits. Raises `StorageError`."""
        with self._lock:
            try:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")
                self._waiting = 0
            except sqlite3.Error as error:
                raise storage_error(f"{self._path.name} cannot be written", error) from error

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
        if not (self._alone or self._is_together) or self._waiting >= _COMMIT_EVERY:
            self._connection.execute("COMMIT")
            self._waiting = 0

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            # A disk that fails may fail this, too; SQLite has then rolled back by itself, or does so at the next try.
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
        self._waiting = 0

    def _note_progress(self, unit: str, journal_id: str, through_seq: int) -> None:
        self._connection.execute(
            "INSERT INTO journal_progress (unit, journal_id, through_seq) VALUES (?, ?, ?) "
            "ON CONFLICT (unit, journal_id) DO UPDATE SET through_seq = MAX(through_seq, excluded.through_seq)",
            (unit, journal_id, through_seq),
        )

    def _progress(self, unit: str, journal_id: str) -> int:
        found = self._connection.execute(
            "SELECT through_seq FROM journal_progress WHERE unit = ? AND journal_id = ?", (unit, journal_id)
        ).fetchone()
        return int(found[0]) if found else 0

    def _insert_again_and_again(self, rows: Sequence[Row]) -> list[tuple[Row, str]]:
        """Insert, from the beginning for each row that takes the transaction with it."""
        condemned: dict[int, str] = {}
        one_by_one: set[Group] = set()
        while True:
            try:
                return self._insert(rows, condemned, one_by_one)
            except _TransactionLostError as lost:
                if self._waiting:
                    raise StorageError(f"{self._path.name} lost {self._waiting} rows: {lost}") from lost
                if len(lost.rows) == 1:
                    condemned[id(lost.rows[0])] = lost.reason
                one_by_one.add(lost.group)
                self._connection.execute("BEGIN IMMEDIATE")

    def _insert(
        self, rows: Sequence[Row], condemned: Mapping[int, str] = _NONE, one_by_one: Set[Group] = frozenset()
    ) -> list[tuple[Row, str]]:
        groups: dict[Group, list[Row]] = {}
        for row in rows:
            if id(row) not in condemned:
                groups.setdefault((row.table, tuple(row.values)), []).append(row)
        refused = dict(condemned)
        for group, members in groups.items():
            refused |= self._insert_group(group, members, at_once=group not in one_by_one)
        return [(row, refused[id(row)]) for row in rows if id(row) in refused]

    def _insert_group(self, group: Group, rows: list[Row], *, at_once: bool) -> dict[int, str]:
        """Insert all rows at once; when the database refuses that, one by one. Return id of row → reason."""
        wrong = self._wrong_with(group)
        if wrong is not None:
            return {id(row): wrong for row in rows}
        if at_once:
            reason = self._attempt(group, rows)
            if reason is None:
                self._not_rolled_up[group[0]] = self._not_rolled_up.get(group[0], 0) + len(rows)
                return {}
            if len(rows) == 1:
                self._forget(group)
                return {id(rows[0]): reason}
        reasons = {id(row): self._attempt(group, [row]) for row in rows}
        self._forget(group)
        return {row: why for row, why in reasons.items() if why is not None}

    def _forget(self, group: Group) -> None:
        """Read the columns of a table that refused something again: a plugin may have changed it since."""
        del self._statements[group]
        self._columns.pop(group[0], None)

    def _attempt(self, group: Group, rows: list[Row]) -> str | None:
        """Insert all of the rows or none; return why not. What is wrong with the file itself is raised.

        Everything else is the rows' own: what a table, a trigger or the binding of values says of them.
        """
        self._connection.execute("SAVEPOINT attempt")
        try:
            self._connection.executemany(self._statements[group], [tuple(row.values.values()) for row in rows])
        except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            if is_of_the_file(error):
                raise
            if not self._connection.in_transaction:
                raise _TransactionLostError(group, rows, well_formed(error)) from error
            self._connection.execute("ROLLBACK TO attempt")
            return well_formed(error)
        finally:
            if self._connection.in_transaction:
                self._connection.execute("RELEASE attempt")
        return None

    def _wrong_with(self, group: Group) -> str | None:
        if group in self._statements:
            return None
        table, given = group
        columns = self._columns.get(table) or self._columns_of(table)
        if not columns:
            return f"there is no table {table}"
        unknown = sorted(str(name) for name in set(given) - columns)
        if unknown or not given:
            return well_formed(f"{table} has no column {', '.join(unknown)}") if unknown else "the row is empty"
        names = ", ".join(f'"{name}"' for name in given)
        self._statements[group] = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(given))})'
        return None

    def _columns_of(self, table: str) -> frozenset[str]:
        """Return the columns of a table; empty if there is none."""
        found = frozenset(
            str(row[0]) for row in self._connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        )
        if found:
            self._columns[table] = found
        return found

    def _quarantine(self, row: Row, reason: str) -> None:
        unit = row.values.get("pioreactor_unit")
        self._connection.execute(
            "INSERT INTO quarantined_rows (received_at, pioreactor_unit, table_name, payload, reason) "
            "VALUES (?, ?, ?, ?, ?)",
            (
                to_timestamp(self._now()),
                None if unit is None else well_formed(unit),
                row.table,
                described(row),
                reason,
            ),
        )
