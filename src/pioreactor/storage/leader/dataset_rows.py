"""Rows of a table, a view or a query, in order, for results that do not fit into memory.

Plain drivers, so that the process that exports needs neither SQLAlchemy nor its memory.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import InvalidRequestError, NotFoundError, StoppedError, StorageError
from pioreactor.storage.leader.location import DatabaseLocation, PostgresAddress
from pioreactor.storage.leader.migrate import upgrade
from pioreactor.storage.ports import RowReader, SqlRow, ValueType
from pioreactor.storage.sqlite_errors import storage_error
from pioreactor.structs.audit import AuditHead, ExportedHead

EXPERIMENT: Final = "experiment"
UNIT: Final = "pioreactor_unit"
_PRAGMAS: Final = (
    "PRAGMA busy_timeout=15000",
    "PRAGMA query_only=ON",
    "PRAGMA temp_store=FILE",  # results are sorted on disk
    "PRAGMA cache_size=-2000",
)
_FETCHED_AT_ONCE: Final = 1000
_OPS_BETWEEN_CHECKS: Final = 100_000
_DIRECTIONS: Final = {
    (False, False): "",
    (True, False): " DESC",
    (False, True): " NULLS FIRST",
    (True, True): " DESC NULLS LAST",
}
"""Whether descending, and whether the column may have NULL, which is then lower than any value in every database."""


class RowSource(msgspec.Struct, frozen=True):
    """A table or view by name, or the text of a query."""

    table: str | None = None
    query: str | None = None

    def sql(self) -> str:
        return f"({self.query}) AS asked" if self.table is None else _quoted(self.table)


class RowFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows, and in which order. `since` and `until` are inclusive bounds of `time_column`, as it is stored."""

    experiment: str | None = None
    units: tuple[str, ...] | None = None
    time_column: str | None = None
    since: str | None = None
    until: str | None = None
    order_by: tuple[tuple[str, bool], ...] = ()
    """Columns, and whether each is descending."""


class SourceColumn(msgspec.Struct, frozen=True):
    """`type`: the type in the database's own words; empty for a column of a query."""

    name: str
    type: str
    may_be_null: bool = True


class DatasetRows:
    """Reads one moment of the leader's database: what is written meanwhile is not seen."""

    def __init__(self, reader: RowReader) -> None:
        self._reader = reader

    @property
    def mark(self) -> str:
        """What stands for a parameter in a query."""
        return self._reader.mark

    def stream(self, sql: str, values: Sequence[ValueType]) -> Iterator[SqlRow]:
        """Yield the rows of a query."""
        return self._reader.stream(sql, values)

    def tables(self) -> list[str]:
        """Return the tables with data, those of plugins too, by name."""
        return self._reader.tables()

    def columns(self, source: RowSource) -> list[SourceColumn]:
        """Return the columns; raise `NotFoundError` for a table that does not exist."""
        if source.table is None:
            return [SourceColumn(name, "") for name in self._reader.names_of(source.sql())]
        found = self._reader.declared_columns(source.table)
        if not found:
            raise NotFoundError(f"the database has no table {source.table}")
        return [SourceColumn(*column) for column in found]

    def rows(self, source: RowSource, wanted: RowFilter, *, limit: int | None = None) -> Iterator[SqlRow]:
        """Yield the rows in order; those that it does not tell apart by their key: every database has one order."""
        columns = self.columns(source)
        names = "*" if source.table is None else ", ".join(_quoted(column.name) for column in columns)
        condition, values = self._where(wanted)
        order = ", ".join(self._order(source, columns, wanted))
        query = f"SELECT {names} FROM {self._reader.escaped(source.sql())}{condition} ORDER BY {order}"
        if limit is not None:
            query += f" LIMIT {int(limit)}"
        return self._reader.stream(query, values)

    def _order(self, source: RowSource, columns: Sequence[SourceColumn], wanted: RowFilter) -> list[str]:
        nullable = {column.name for column in columns if column.may_be_null}
        order = {name: f"{_quoted(name)}{_DIRECTIONS[down, name in nullable]}" for name, down in wanted.order_by}
        key = [] if source.table is None else self._reader.key_of(source.table)
        for name in key:
            order.setdefault(name, _quoted(name))
        places = [] if key else [f"{place} NULLS FIRST" for place in range(1, len(columns) + 1)]
        return [*order.values(), *places]

    def count(self, source: RowSource, wanted: RowFilter) -> int:
        condition, values = self._where(wanted)
        query = f"SELECT count(*) FROM {self._reader.escaped(source.sql())}{condition}"
        [[count]] = self._reader.stream(query, values)
        return int(count)

    def units(self, source: RowSource, wanted: RowFilter) -> list[str]:
        """Return the units that have rows, sorted."""
        condition, values = self._where(wanted)
        query = f"SELECT DISTINCT {UNIT} FROM {self._reader.escaped(source.sql())}{condition} ORDER BY 1"
        return [str(unit) for (unit,) in self._reader.stream(query, values)]

    def created_at(self, experiment: str) -> str:
        """Return when an experiment was created, as it is stored; raise `NotFoundError` for an unknown one."""
        query = f"SELECT created_at FROM experiments WHERE experiment = {self._reader.mark}"
        for (created_at,) in self._reader.stream(query, (experiment,)):
            return str(created_at)
        raise NotFoundError(f"there is no experiment {experiment!r}", remedy="Check the name: `pio experiments list`.")

    def audit_head(self) -> ExportedHead | None:
        """Return how far the audit trail has come; None before its first entry."""
        columns, newest = "id, timestamp, hash", "ORDER BY id DESC LIMIT 1"
        entries = list(self._reader.stream(f"SELECT {columns} FROM audit_trail {newest}", ()))
        signed = list(self._reader.stream(f"SELECT {columns}, signature FROM audit_heads {newest}", ()))
        head = AuditHead(*signed[0]) if signed else None
        return next((ExportedHead(number, moment, hash_, head) for number, moment, hash_ in entries), None)

    def _where(self, wanted: RowFilter) -> tuple[str, list[ValueType]]:
        terms: list[str] = []
        values: list[ValueType] = []
        mark = self._reader.mark
        if wanted.experiment is not None:
            terms.append(f"{EXPERIMENT} = {mark}")
            values.append(wanted.experiment)
        if wanted.units is not None:
            terms.append(f"{UNIT} IN ({', '.join([mark] * len(wanted.units))})")
            values.extend(wanted.units)
        for comparison, bound in ((">=", wanted.since), ("<=", wanted.until)):
            if wanted.time_column is not None and bound is not None:
                terms.append(f"{_quoted(wanted.time_column)} {comparison} {mark}")
                values.append(bound)
        return (" WHERE " + " AND ".join(terms) if terms else ""), values


class _FileReader:
    """Reads a file of SQLite."""

    mark: Final = "?"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def escaped(self, sql: str) -> str:
        return sql

    def stream(self, sql: str, values: Sequence[ValueType]) -> Iterator[SqlRow]:
        """Yield the rows of a query, a thousand at a time."""
        cursor = self._connection.execute(sql, values)
        while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
            yield from rows

    def tables(self) -> list[str]:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' ORDER BY name"
        return [str(name) for (name,) in self._connection.execute(query) if not name.startswith("sqlite_")]

    def names_of(self, source: str) -> list[str]:
        return [name for name, *_ in self._connection.execute(f"SELECT * FROM {source} LIMIT 0").description]

    def declared_columns(self, table: str) -> list[tuple[str, str, bool]]:
        query = 'SELECT name, type, "notnull" = 0 FROM pragma_table_info(?)'
        return [(name, type_, bool(may)) for name, type_, may in self._connection.execute(query, (table,))]

    def key_of(self, table: str) -> list[str]:
        query = "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk"
        if found := [str(name) for (name,) in self._connection.execute(query, (table,))]:
            return found
        tables = self._connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
        return ["rowid"] if tables.fetchone() else []


@contextmanager
def open_dataset_rows(
    location: DatabaseLocation, *, is_stopping: Callable[[], bool] | None = None
) -> Iterator[DatasetRows]:
    """Open the leader's database for reading; failures of the database are `StorageError`.

    Threads may take turns, as those of a response that is streamed do. A query that runs when `is_stopping` returns
    True is interrupted, which raises `StoppedError`.
    """
    upgrade(location)
    try:
        with _opened(location, is_stopping) as rows:
            yield rows
    except StorageError as error:
        if is_stopping is None or not is_stopping():
            raise
        raise StoppedError("the export was stopped", remedy="Nothing of it is left.") from error


@contextmanager
def _opened(location: DatabaseLocation, is_stopping: Callable[[], bool] | None) -> Iterator[DatasetRows]:
    if isinstance(location, PostgresAddress):
        from pioreactor.storage.leader.postgresql.server_rows import open_server  # needs the driver

        with open_server(location, is_stopping=is_stopping) as reader:
            yield DatasetRows(reader)
    else:
        with _open_file(location, is_stopping) as file:
            yield DatasetRows(file)


@contextmanager
def _open_file(path: Path, is_stopping: Callable[[], bool] | None) -> Iterator[_FileReader]:
    with (
        _errors_translated(path),
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as connection,
    ):
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        connection.set_progress_handler(is_stopping, _OPS_BETWEEN_CHECKS)
        connection.execute("BEGIN")
        yield _FileReader(connection)


@contextmanager
def _errors_translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (OverflowError, UnicodeEncodeError) as error:
        raise InvalidRequestError(f"a value does not fit into the database: {error}") from error
    except sqlite3.Error as error:
        raise storage_error(f"{path.name} cannot be read", error) from error


def sqlite_type(database_type: str) -> str:
    """Return the type of SQLite for a column of a type in the words of either database."""
    kind = database_type.upper()
    for word, found in (("DOUBLE", "REAL"), ("REAL", "REAL"), ("INT", "INTEGER"), ("BYTEA", "BLOB"), ("BLOB", "BLOB")):
        if word in kind:
            return found
    return "TEXT" if "TEXT" in kind or "CHAR" in kind else "NUMERIC"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
