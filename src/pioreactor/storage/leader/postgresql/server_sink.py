"""Where the database writer puts rows in PostgreSQL: one transaction per batch, one `COPY` per table.

Plain `psycopg`, so that the process that streams measurements needs neither SQLAlchemy nor its memory.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from typing import Final

import psycopg

from pioreactor import measurements
from pioreactor.exc import StorageError
from pioreactor.storage.leader.ingest.plugin_tables import creation_of
from pioreactor.storage.leader.ingest.quarantined_rows import Reader, Retried, described, rows_again, well_formed
from pioreactor.storage.leader.location import PostgresAddress
from pioreactor.storage.leader.postgresql import NUMBERED
from pioreactor.storage.leader.postgresql.errors_of_server import is_of_the_server, server_error
from pioreactor.storage.leader.postgresql.server_connection import PostgresConnection
from pioreactor.storage.leader.postgresql.server_schema import make_partitions, upgrade
from pioreactor.storage.leader.rollups.rolled_tables import RolledTable
from pioreactor.storage.leader.rollups.sqlite_rollups import VALUES, SqliteRollups, merge_from
from pioreactor.storage.leader.schema.postgres_ddl import rollup_triggers_of
from pioreactor.storage.ports import Row, ValueType
from pioreactor.structs.encoding import to_timestamp

log = logging.getLogger(__name__)

_ROLL_UP_EVERY: Final = 2000
"""Rows of a table that wait before they are rolled up: each bucket is written once for many rows."""
_TYPES: Final = {"TEXT": "TEXT", "REAL": "DOUBLE PRECISION", "INTEGER": "BIGINT", "BLOB": "BYTEA"}

Group = tuple[str, tuple[str, ...]]
"""Rows of one table that give the same columns: one `COPY`."""


def _now() -> datetime:
    return datetime.now(UTC)


class PostgresRollups(SqliteRollups):
    """The same roll-ups, in PostgreSQL."""

    def __init__(self, connection: PostgresConnection) -> None:
        self._server = connection
        super().__init__(connection)

    def _create_triggers(self, rolled: RolledTable) -> None:
        for name, statement in rollup_triggers_of(rolled).items():
            found = self._server.execute("SELECT 1 FROM pg_trigger WHERE tgname = ?", (name,)).fetchall()
            if not found:
                self._server.execute(statement)

    def _is_present(self, rolled: RolledTable) -> bool:
        names = {"experiment", "pioreactor_unit", "timestamp", *rolled.columns, rolled.channel} - {None}
        return names <= set(self._server.columns_of(rolled.name))

    @staticmethod
    def _is_number(column: str) -> str:
        return f"({column} IS NOT NULL AND {column} <> 'NaN')"

    def _merge(self, rows: Iterable[tuple[ValueType, ...]]) -> None:
        """Copy the buckets into a table of this transaction, and merge them by one statement."""
        self._server.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS merged_buckets (LIKE rollup_buckets INCLUDING DEFAULTS) "
            "ON COMMIT DELETE ROWS"
        )
        self._server.execute("DELETE FROM merged_buckets")
        self._server.copy("merged_buckets", ["series_id", "level", "bucket", *VALUES.split(", ")], rows)
        self._server.execute(
            merge_from(f"SELECT series_id, level, bucket, {VALUES} FROM merged_buckets ORDER BY 1, 2, 3").replace(
                "b.sum + excluded.sum",  # a sum that has no number is an error here, and nothing in SQLite
                "CASE WHEN abs(b.sum) < 8e307 AND abs(excluded.sum) < 8e307 THEN b.sum + excluded.sum END",
            )
        )


class PostgresRecordSink:
    """See `ports.RecordSink`. Rows of unknown experiments are stored, as the experiment may be created later.

    A lost connection is opened again at the next call. Whether a transaction whose commit was cut off has happened,
    the progress of its journal tells: what is sent again is stored once.
    """

    def __init__(self, address: PostgresAddress, *, now: Callable[[], datetime] = _now) -> None:
        """Open the database, bringing it up to date. `now` stamps quarantined rows. Raises `StorageError`."""
        self._address = address
        self._now = now
        self._is_together = False
        self._lock = threading.Lock()
        self._not_rolled_up: dict[str, int] = {}
        self._columns: dict[str, frozenset[str]] = {}
        self._connection: PostgresConnection | None = None
        self._partitions_of: date | None = None
        self._opened()

    def _opened(self) -> PostgresConnection:
        """Return the connection; open it if there is none."""
        if self._connection is not None and not self._connection.raw.closed:
            return self._connection
        upgrade(self._address)
        try:
            connection = PostgresConnection(self._address)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise server_error(f"{self._address.name} cannot be opened", error) from error
        self._connection = connection
        return connection

    def _prepare(self, connection: PostgresConnection) -> None:
        self._columns.clear()
        connection.begin()
        _create_plugin_tables(connection)
        self._rollups = PostgresRollups(connection)
        connection.execute("COMMIT")
        self._make_partitions(connection)

    def _make_partitions(self, connection: PostgresConnection) -> None:
        """Make the partitions of the coming weeks once a day."""
        today = self._now().date()
        if self._partitions_of == today:
            return
        connection.begin()
        made = make_partitions(connection.raw, today)
        connection.execute("COMMIT")
        self._partitions_of = today
        if made:
            log.debug("%d partitions were made, up to %s.", len(made), made[-1])

    def commit(
        self,
        rows: Sequence[Row],
        *,
        progress: tuple[str, str, int] | None = None,
        former_names: Sequence[tuple[str, int]] = (),
    ) -> list[tuple[Row, str]]:
        """Rows that belong to `progress` already known are ignored: a batch that is sent twice is stored once."""
        with self._transaction(f"{self._address.name} took none of {len(rows)} rows") as connection:
            if progress is not None and progress[2] <= _progress(connection, progress[0], progress[1]):
                return []
            refused = self._insert(connection, rows)
            for row, reason in refused:
                self._quarantine(connection, row, reason)
            if progress is not None:
                _note_progress(connection, *progress)
                for name, last_seq in former_names:
                    _note_progress(connection, progress[0], name, min(progress[2], last_seq))
            self._roll_up_full_tables()
            return refused

    @contextmanager
    def _transaction(self, failure: str) -> Iterator[PostgresConnection]:
        """Begin a transaction unless one is open, and commit it unless it is shared; undo it when the block raises."""
        with self._lock:
            try:
                connection = self._opened()
                if not connection.in_transaction:
                    self._make_partitions(connection)
                    connection.begin()
                yield connection
                if not self._is_together:
                    connection.execute("COMMIT")
            except psycopg.Error as error:
                self._roll_back()
                raise server_error(failure, error) from error
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def together(self) -> Iterator[None]:
        """See `ports.RecordSink`."""
        self._is_together = True
        try:
            yield
            self.flush()
        finally:
            self._is_together = False
            with self._lock:
                self._roll_back()

    def flush(self) -> None:
        """Commit what waits. Raises `StorageError`."""
        with self._lock:
            if self._connection is None:
                return
            try:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")
                elif self._connection.raw.closed:
                    raise StorageError(f"the connection to {self._address.name} was lost")
            except psycopg.Error as error:
                raise server_error(f"{self._address.name} cannot be written", error) from error

    def roll_up(self) -> int:
        """Add rows that wait to the roll-ups, in an amount for one transaction; return how many (0: none waits).

        Raises `StorageError`.
        """
        with self._transaction(f"the roll-ups of {self._address.name} cannot be written"):
            return self._rollups.step()

    def forget_roll_ups(self, table: str) -> None:
        """See `ingest.sqlite_sink.SqliteRecordSink.forget_roll_ups`."""
        with self._transaction(f"the roll-ups of {self._address.name} cannot be written"):
            self._rollups.forget(self._rollups.tables[table])

    def _roll_up_full_tables(self) -> None:
        for table, rows in self._not_rolled_up.items():
            if rows >= _ROLL_UP_EVERY and table in self._rollups.tables:
                self._rollups.add_new_rows(self._rollups.tables[table])
                self._not_rolled_up[table] = 0

    def progress(self, unit: str, journal_id: str) -> int:
        with self._lock:
            try:
                return _progress(self._opened(), unit, journal_id)
            except psycopg.Error as error:
                self._roll_back()
                raise server_error(f"{self._address.name} cannot be read", error) from error

    def retry(self, ids: Sequence[int], read: Reader) -> list[Retried]:
        """See `ingest.sqlite_sink.SqliteRecordSink.retry`."""
        found: list[Retried] = []
        for id_ in ids:
            with self._transaction(f"{self._address.name} cannot be written") as connection:
                result = self._retry(connection, id_, read)
            found += [] if result is None else [result]
        return found

    def _retry(self, connection: PostgresConnection, id_: int, read: Reader) -> Retried | None:
        found = connection.execute(
            f"SELECT topic, table_name, payload, recorded_at FROM quarantined_rows WHERE {NUMBERED} = ?", (id_,)
        ).fetchone()
        if found is None:
            return None
        rows, reason = rows_again(*found, read=read)
        if reason is None:
            connection.execute("SAVEPOINT again")
            refused = self._insert(connection, rows)
            if refused:
                reason = refused[0][1]
                connection.execute("ROLLBACK TO again")
            connection.execute("RELEASE again")
        if reason is None:
            connection.execute(f"DELETE FROM quarantined_rows WHERE {NUMBERED} = ?", (id_,))
            return Retried(id_, len(rows), None)
        connection.execute(f"UPDATE quarantined_rows SET reason = ? WHERE {NUMBERED} = ?", (reason, id_))
        return Retried(id_, 0, reason)

    def close(self) -> None:
        """Commit what waits and let go of the connection. Safe to call twice."""
        if self._connection is not None and not self._connection.raw.closed:
            self.flush()
            self._connection.close()
        self._connection = None

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            # A connection that is lost fails this, too; the server has then rolled back by itself.
            with suppress(psycopg.Error):
                self._connection.execute("ROLLBACK")

    def _insert(self, connection: PostgresConnection, rows: Sequence[Row]) -> list[tuple[Row, str]]:
        groups: dict[Group, list[Row]] = {}
        for row in rows:
            groups.setdefault((row.table, tuple(row.values)), []).append(row)
        refused: dict[int, str] = {}
        for group, members in groups.items():
            wrong = self._wrong_with(connection, group)
            if wrong is not None:
                refused |= {id(row): wrong for row in members}
                continue
            reasons = self._insert_group(connection, group, members)
            self._not_rolled_up[group[0]] = self._not_rolled_up.get(group[0], 0) + len(members) - len(reasons)
            refused |= reasons
            if reasons:  # a plugin may have changed the table since
                self._columns.pop(group[0], None)
        return [(row, refused[id(row)]) for row in rows if id(row) in refused]

    def _insert_group(self, connection: PostgresConnection, group: Group, rows: list[Row]) -> dict[int, str]:
        """Insert all rows at once; when the database refuses that, each half by itself. Return id of row → reason."""
        reason = _attempt(connection, group, rows)
        if reason is None:
            return {}
        if len(rows) == 1:
            return {id(rows[0]): reason}
        half = len(rows) // 2
        first = self._insert_group(connection, group, rows[:half])
        return first | self._insert_group(connection, group, rows[half:])

    def _wrong_with(self, connection: PostgresConnection, group: Group) -> str | None:
        table, given = group
        columns = self._columns.get(table)
        if columns is None:
            columns = frozenset(connection.columns_of(table))
            if not columns:
                return f"there is no table {table}"
            self._columns[table] = columns
        unknown = sorted(str(name) for name in set(given) - columns)
        if unknown or not given:
            return well_formed(f"{table} has no column {', '.join(unknown)}") if unknown else "the row is empty"
        return None

    def _quarantine(self, connection: PostgresConnection, row: Row, reason: str) -> None:
        unit = row.values.get("pioreactor_unit")
        connection.execute(
            "INSERT INTO quarantined_rows (received_at, pioreactor_unit, table_name, payload, reason) "
            "VALUES (?, ?, ?, ?, ?)",
            (
                to_timestamp(self._now()),
                None if unit is None else _without_nul(well_formed(unit)),
                _without_nul(row.table),
                described(row),
                _without_nul(reason),
            ),
        )


def _without_nul(text: str) -> str:
    """Return a text that PostgreSQL can hold."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _attempt(connection: PostgresConnection, group: Group, rows: list[Row]) -> str | None:
    """Insert all of the rows or none; return why not. What is wrong with the server is raised."""
    connection.execute("SAVEPOINT attempt")
    try:
        connection.copy(group[0], group[1], [tuple(row.values.values()) for row in rows])
    except (psycopg.Error, ValueError, TypeError, OverflowError) as error:
        if is_of_the_server(error):
            raise
        connection.execute("ROLLBACK TO attempt")
        return well_formed(str(error).partition("\n")[0])
    connection.execute("RELEASE attempt")
    return None


def _note_progress(connection: PostgresConnection, unit: str, journal_id: str, through_seq: int) -> None:
    connection.execute(
        "INSERT INTO journal_progress AS known (unit, journal_id, through_seq) VALUES (?, ?, ?) "
        "ON CONFLICT (unit, journal_id) DO UPDATE SET through_seq = GREATEST(known.through_seq, excluded.through_seq)",
        (unit, journal_id, through_seq),
    )


def _progress(connection: PostgresConnection, unit: str, journal_id: str) -> int:
    found = connection.execute(
        "SELECT through_seq FROM journal_progress WHERE unit = ? AND journal_id = ?", (unit, journal_id)
    ).fetchone()
    return int(found[0]) if found else 0


def _create_plugin_tables(connection: PostgresConnection) -> None:
    """See `ingest.plugin_tables.create_plugin_tables`."""
    for spec in measurements.registered_specs():
        connection.execute("SAVEPOINT plugin")
        try:
            for statement in creation_of(spec.table, types=_TYPES, number=f"{NUMBERED} BIGSERIAL PRIMARY KEY"):
                connection.execute(statement)
        except psycopg.Error as error:
            if is_of_the_server(error):
                raise
            connection.execute("ROLLBACK TO plugin")
            log.error("The table %s of the measurement %s cannot be created: %s.", spec.table.name, spec.name, error)
        connection.execute("RELEASE plugin")
