"""Moves the leader's database from SQLite to PostgreSQL or back, row for row, while no other process uses it.

Rows keep their keys and numbers and are copied in that order: an interrupted move continues where it stopped. Roll-ups
are not copied; the database writer makes them anew.
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import psycopg
from sqlalchemy import BLOB, REAL, Column, Connection, Double, Index, LargeBinary, MetaData, Table, inspect, text
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from pioreactor.exc import ConflictError, StorageError
from pioreactor.private_files import restrict_database
from pioreactor.storage.leader.engine import open_reading, open_writing, reading, writing
from pioreactor.storage.leader.location import DatabaseLocation, PostgresAddress
from pioreactor.storage.leader.migrate import upgrade
from pioreactor.storage.leader.postgresql import NUMBERED
from pioreactor.storage.leader.postgresql.errors_of_server import server_error
from pioreactor.storage.leader.postgresql.server_connection import WRITERS_LOCK, PostgresConnection, quoted
from pioreactor.storage.leader.postgresql.server_tables import create
from pioreactor.storage.leader.postgresql.weekly_partitions import partition_statements, partitioned_tables, week_of
from pioreactor.storage.leader.revisions import MOVING, newest_revision, stored_revision
from pioreactor.storage.leader.schema.tables import METADATA
from pioreactor.storage.ports import SqlConnection, SqlRow, ValueType

ROWS_AT_ONCE: Final = 5000
"""Rows of one transaction."""
MAX_WEEKS: Final = 1000
_NOT_COPIED: Final = frozenset(
    {"alembic_version", "rollup_series", "rollup_buckets", "rollup_progress", "rollup_changes"}
)
_IN_USE: Final = "Stop the services of the leader first: sudo systemctl stop 'pioreactor*'."

Progress = Callable[[str, int, int], None]
"""Called with a table, how many of its rows are done, and how many it has."""


class Moved(msgspec.Struct):
    """How many rows of each table are the same in both."""

    source: str
    target: str
    tables: dict[str, int]
    rows: int


class _CopiedTable(msgspec.Struct, frozen=True):
    """`key` leads the columns: rows are read in its order."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        """Whether every leader's database has this table."""
        return self.name in METADATA.tables

    def page(self, connection: SqlConnection, after: tuple[ValueType, ...] | None) -> list[SqlRow]:
        """Return the rows that follow the one with this key."""
        key, columns = ", ".join(map(quoted, self.key)), ", ".join(map(quoted, self.columns))
        where = "" if after is None else f"WHERE ({key}) > ({', '.join('?' * len(self.key))})"
        sql = f"SELECT {columns} FROM {quoted(self.name)} {where} ORDER BY {key} LIMIT {ROWS_AT_ONCE}"
        return connection.execute(sql, after if after is not None else ()).fetchall()

    def last_key(self, connection: SqlConnection) -> tuple[ValueType, ...] | None:
        """Return the key of the last row; None without rows."""
        key = ", ".join(map(quoted, self.key))
        backwards = ", ".join(f"{quoted(name)} DESC" for name in self.key)
        found = connection.execute(f"SELECT {key} FROM {quoted(self.name)} ORDER BY {backwards} LIMIT 1").fetchone()
        return None if found is None else tuple(found)

    def count(self, connection: SqlConnection) -> int:
        [[rows]] = connection.execute(f"SELECT count(*) FROM {quoted(self.name)}").fetchall()
        return int(rows)


def move_database(source: DatabaseLocation, target: DatabaseLocation, *, progress: Progress) -> Moved:
    """Copy every row and compare it with the original; continue an interrupted move.

    Raise `ConflictError` while another process uses the source, and for a target with other data; `StorageError` for
    what a database refuses. The source keeps its rows.
    """
    if isinstance(source, PostgresAddress) == isinstance(target, PostgresAddress):
        raise ConflictError("source and target are databases of the same kind", remedy="Name one of the other kind.")
    upgrade(source)
    tables, declared = _tables_of(source)
    with _opened(source) as original:
        original.keep_others_out()
        if _stored(target) != MOVING:
            upgrade(target)
            _prepare(target, tables, declared)
        with _opened(target) as copy:
            if _revision(copy) == MOVING:
                copy.make_partitions(original)
                for table in tables:
                    _copy(table, original, copy, progress)
            counts = {table.name: _compare(table, original, copy) for table in tables}
            if _revision(copy) == MOVING:
                copy.finish(tables)
    return Moved(str(source), str(target), counts, sum(counts.values()))


def _prepare(target: DatabaseLocation, tables: list[_CopiedTable], declared: list[Table]) -> None:
    """Begin with a database without data; one with data is left as it is."""
    with _opened(target) as copy:
        if any(table.count(copy) for table in tables if table.is_ours):
            return
    _create_missing(declared, target)
    with _opened(target) as copy:
        copy.empty(tables)


def _stored(location: DatabaseLocation) -> str | None:
    if isinstance(location, Path) and not location.exists():
        return None
    engine = open_reading(location)
    try:
        with reading(engine) as connection:
            return stored_revision(connection)
    finally:
        engine.dispose()


def _tables_of(location: DatabaseLocation) -> tuple[list[_CopiedTable], list[Table]]:
    """Return the tables with data, those that others refer to first: of the schema, and of plugins."""
    metadata, engine = MetaData(), open_reading(location)
    try:
        with reading(engine) as connection:
            skipped = _NOT_COPIED | _partitions(connection)
            metadata.reflect(connection, only=lambda name, _: name not in skipped)
    finally:
        engine.dispose()
    return [_copied(table) for table in metadata.sorted_tables], metadata.sorted_tables


def _partitions(connection: Connection) -> frozenset[str]:
    if connection.dialect.name == "sqlite":
        return frozenset()
    found = connection.execute(text("SELECT relname FROM pg_class WHERE relispartition")).all()
    return frozenset(str(name) for (name,) in found)


def _copied(table: Table) -> _CopiedTable:
    stored = [column.name for column in table.columns if column.computed is None and column.name != NUMBERED]
    key = tuple(column.name for column in table.primary_key.columns if column.name != NUMBERED)
    if not key:
        key = (NUMBERED,)
    return _CopiedTable(table.name, key, (*key, *(name for name in stored if name not in key)))


def _create_missing(tables: list[Table], target: DatabaseLocation) -> None:
    """Create the tables of plugins."""
    engine = open_writing(target)
    try:
        with writing(engine) as connection:
            present = set(inspect(connection).get_table_names())
            for table in tables:
                if table.name in present:
                    continue
                if isinstance(target, PostgresAddress):
                    create(connection, table)
                else:
                    _create_in_file(connection, table)
    finally:
        engine.dispose()


def _create_in_file(connection: Connection, table: Table) -> None:
    own = Table(
        table.name,
        MetaData(),
        *(
            Column(column.name, _type_in_file(column), nullable=column.nullable, primary_key=column.primary_key)
            for column in table.columns
            if column.name != NUMBERED
        ),
    )
    connection.execute(CreateTable(own))
    for index in table.indexes:
        names = [column.name for column in index.columns]
        if NUMBERED not in names:
            connection.execute(CreateIndex(Index(index.name, *(own.c[name] for name in names), unique=index.unique)))


def _type_in_file(column: Column[object]) -> TypeEngine[object]:
    if isinstance(column.type, LargeBinary):
        return BLOB()  # type: ignore[return-value]  # types are invariant
    return REAL() if isinstance(column.type, Double) else column.type


class _Server(PostgresConnection):
    """A database of PostgreSQL that is moved."""

    def keep_others_out(self) -> None:
        """Raise `ConflictError` while another process uses the database."""
        [[others]] = self.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'pioreactor' AND pid <> pg_backend_pid()"
        ).fetchall()
        if others > 0:
            raise ConflictError(f"{others} connections of the leader use the database", remedy=_IN_USE)
        self.execute(f"SELECT pg_advisory_lock({WRITERS_LOCK})")

    def empty(self, tables: list[_CopiedTable]) -> None:
        """Empty a database that was made for this move, and let it not act on rows by itself."""
        self.execute("BEGIN")
        for table in reversed(tables):
            self.execute(f"ALTER TABLE {quoted(table.name)} DISABLE TRIGGER USER")
            self.execute(f"DELETE FROM {quoted(table.name)}")
        _commit_as(self, MOVING)

    def make_partitions(self, original: SqlConnection) -> None:
        """Make the partitions of the weeks of which there are rows."""
        for table in sorted(partitioned_tables()):
            for statement in partition_statements(table, _weeks_of(table, original)).values():
                self.execute(statement)

    def insert(self, table: _CopiedTable, rows: list[SqlRow]) -> None:
        self.copy(table.name, table.columns, rows)

    def finish(self, tables: list[_CopiedTable]) -> None:
        """Let the database act on rows again, number new rows after those that were copied, and count as whole."""
        self.execute("BEGIN")
        for table in tables:
            self.execute(f"ALTER TABLE {quoted(table.name)} ENABLE TRIGGER USER")
        for table in tables:
            self._number_after(table)
        _commit_as(self, newest_revision())

    def _number_after(self, table: _CopiedTable) -> None:
        key, name = quoted(table.key[0]), quoted(table.name)
        [[sequence]] = self.execute("SELECT pg_get_serial_sequence(?, ?)", (name, table.key[0])).fetchall()
        if sequence is not None:
            self.execute(f"SELECT setval(?, max({key})) FROM {name} HAVING max({key}) IS NOT NULL", (sequence,))


class _File:
    """A database of SQLite that is moved."""

    def __init__(self, path: Path) -> None:
        self._raw = sqlite3.connect(path, timeout=1.0, isolation_level=None)
        restrict_database(path)
        self.execute, self.executemany, self.close = self._raw.execute, self._raw.executemany, self._raw.close

    def keep_others_out(self) -> None:
        """Raise `ConflictError` while another process uses the database."""
        self.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            self.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise ConflictError("another process uses the database", remedy=_IN_USE) from error
        self.execute("COMMIT")

    def empty(self, tables: list[_CopiedTable]) -> None:
        """See `_Server.empty`."""
        self.execute("BEGIN")
        for (name,) in self.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            self.execute(f"DROP TRIGGER {quoted(name)}")
        for table in reversed(tables):
            self.execute(f"DELETE FROM {quoted(table.name)}")
        _commit_as(self, MOVING)

    def make_partitions(self, original: SqlConnection) -> None:
        """Do nothing: a file has no partitions."""

    def insert(self, table: _CopiedTable, rows: list[SqlRow]) -> None:
        names = ", ".join(map(quoted, table.columns))
        marks = ", ".join("?" * len(table.columns))
        self.executemany(f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({marks})", rows)

    def finish(self, _tables: list[_CopiedTable]) -> None:
        """See `_Server.finish`; numbers of new rows follow by themselves."""
        self.execute("BEGIN")
        for statement in _triggers_of_file():
            self.execute(statement)
        _commit_as(self, newest_revision())


@contextmanager
def _opened(location: DatabaseLocation) -> Iterator[_Server | _File]:
    """Lend a connection whose transactions are begun by hand; failures are `StorageError`."""
    try:
        with closing(_Server(location) if isinstance(location, PostgresAddress) else _File(location)) as connection:
            yield connection
    except psycopg.Error as error:
        raise server_error("the move was stopped", error) from error
    except sqlite3.Error as error:
        raise StorageError(f"the move was stopped: {error}") from error


def _commit_as(connection: SqlConnection, revision: str) -> None:
    connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.execute("COMMIT")


def _weeks_of(table: str, original: SqlConnection) -> list[date]:
    """Return the newest weeks of which there are rows, as far as their moments can be read."""
    weeks = set()
    for (day,) in original.execute(f"SELECT DISTINCT substr(timestamp, 1, 10) FROM {quoted(table)}").fetchall():
        with suppress(ValueError, TypeError):
            weeks.add(week_of(date.fromisoformat(day)))
    return sorted(weeks)[-MAX_WEEKS:]


def _revision(connection: SqlConnection) -> str:
    [[found]] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return str(found)


def _copy(
    table: _CopiedTable,
    original: SqlConnection,
    copy: _Server | _File,
    progress: Progress,
) -> None:
    total, after = table.count(original), table.last_key(copy)
    done = 0 if after is None else table.count(copy)
    while rows := table.page(original, after):
        try:
            copy.execute("BEGIN")
            copy.insert(table, rows)
            copy.execute("COMMIT")
        except (psycopg.DataError, psycopg.IntegrityError, sqlite3.IntegrityError, ValueError) as error:
            last = rows[-1][: len(table.key)]
            reason = str(error).partition("\n")[0]
            raise StorageError(
                f"a row of {table.name} up to {', '.join(map(str, last))} does not fit: {reason}",
                remedy="Mend or delete it (pio db --write), then run the same command: it continues there.",
            ) from error
        after = tuple(rows[-1][: len(table.key)])
        done += len(rows)
        progress(table.name, done, total)


def _compare(table: _CopiedTable, original: SqlConnection, copy: SqlConnection) -> int:
    """Return how many rows there are; raise `ConflictError` at the first that differs."""
    after, count = None, 0
    while True:
        ours, theirs = table.page(original, after), table.page(copy, after)
        if [tuple(row) for row in ours] != [tuple(row) for row in theirs]:
            raise ConflictError(
                f"rows of {table.name} after the first {count} differ between the databases",
                remedy="The target has other data: delete that database, and move again.",
            )
        if not ours:
            return count
        after = tuple(ours[-1][: len(table.key)])
        count += len(ours)


def _triggers_of_file() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        upgrade(path := Path(folder) / "pioreactor.sqlite")
        with closing(sqlite3.connect(path)) as pattern:
            return [str(sql) for (sql,) in pattern.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
