"""Rows of a table, a view or a query, in order, for results that do not fit into memory.

Plain `sqlite3`, so that the process that exports needs neither SQLAlchemy nor its memory.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.leader.migrate import upgrade
from pioreactor.storage.ports import SqlRow, ValueType
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


class RowSource(msgspec.Struct, frozen=True):
    """A table or view by name, or the text of a query."""

    table: str | None = None
    query: str | None = None

    def sql(self) -> str:
        return f"({self.query})" if self.table is None else _quoted(self.table)


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


class DatasetRows:
    """Reads one moment of the leader's database: what is written meanwhile is not seen."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def columns(self, source: RowSource) -> list[SourceColumn]:
        """Return the columns; raise `NotFoundError` for a table that does not exist."""
        if source.table is None:
            cursor = self._connection.execute(f"SELECT * FROM {source.sql()} LIMIT 0")
            return [SourceColumn(name, "") for name, *_ in cursor.description]
        found = self._connection.execute("SELECT name, type FROM pragma_table_info(?)", (source.table,)).fetchall()
        if not found:
            raise NotFoundError(f"the database has no table {source.table}")
        return [SourceColumn(name, type_) for name, type_ in found]

    def rows(self, source: RowSource, wanted: RowFilter, *, limit: int | None = None) -> Iterator[SqlRow]:
        """Yield the rows in order."""
        condition, values = _where(wanted)
        query = f"SELECT * FROM {source.sql()}{condition}"
        if wanted.order_by:
            query += " ORDER BY " + ", ".join(
                f"{_quoted(name)} {'DESC' if down else 'ASC'}" for name, down in wanted.order_by
            )
        if limit is not None:
            query += f" LIMIT {int(limit)}"
        cursor = self._connection.execute(query, values)
        while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
            yield from rows

    def count(self, source: RowSource, wanted: RowFilter) -> int:
        condition, values = _where(wanted)
        [[count]] = self._connection.execute(f"SELECT count(*) FROM {source.sql()}{condition}", values)
        return int(count)

    def units(self, source: RowSource, wanted: RowFilter) -> list[str]:
        """Return the units that have rows, sorted."""
        condition, values = _where(wanted)
        query = f"SELECT DISTINCT {UNIT} FROM {source.sql()}{condition} ORDER BY 1"
        return [str(unit) for (unit,) in self._connection.execute(query, values)]

    def created_at(self, experiment: str) -> str:
        """Return when an experiment was created, as it is stored; raise `NotFoundError` for an unknown one."""
        query = "SELECT created_at FROM experiments WHERE experiment = ?"
        for (created_at,) in self._connection.execute(query, (experiment,)):
            return str(created_at)
        raise NotFoundError(f"there is no experiment {experiment!r}", remedy="Check the name: `pio experiments list`.")

    def audit_head(self) -> ExportedHead | None:
        """Return how far the audit trail has come; None before its first entry."""
        newest = self._connection.execute("SELECT id, timestamp, hash FROM audit_trail ORDER BY id DESC LIMIT 1")
        signed = self._connection.execute(
            "SELECT id, timestamp, hash, signature FROM audit_heads ORDER BY id DESC LIMIT 1"
        ).fetchone()
        head = AuditHead(*signed) if signed is not None else None
        return next((ExportedHead(row[0], row[1], row[2], head) for row in newest), None)


@contextmanager
def open_dataset_rows(path: Path, *, is_stopping: Callable[[], bool] = lambda: False) -> Iterator[DatasetRows]:
    """Open the leader's database for reading; failures of SQLite are `StorageError`.

    Threads may take turns, as those of a response that is streamed do. A query that runs when `is_stopping` returns
    True is interrupted, which is a `StorageError` as well.
    """
    upgrade(path)
    with (
        _errors_translated(path),
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as connection,
    ):
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        connection.set_progress_handler(is_stopping, _OPS_BETWEEN_CHECKS)
        connection.execute("BEGIN")
        yield DatasetRows(connection)


@contextmanager
def _errors_translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (OverflowError, UnicodeEncodeError) as error:
        raise InvalidRequestError(f"a value does not fit into the database: {error}") from error
    except sqlite3.Error as error:
        raise storage_error(f"{path.name} cannot be read", error) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _where(wanted: RowFilter) -> tuple[str, list[ValueType]]:
    terms: list[str] = []
    values: list[ValueType] = []
    if wanted.experiment is not None:
        terms.append(f"{EXPERIMENT} = ?")
        values.append(wanted.experiment)
    if wanted.units is not None:
        terms.append(f"{UNIT} IN ({', '.join('?' * len(wanted.units))})")
        values.extend(wanted.units)
    for comparison, bound in ((">=", wanted.since), ("<=", wanted.until)):
        if wanted.time_column is not None and bound is not None:
            terms.append(f"{_quoted(wanted.time_column)} {comparison} ?")
            values.append(bound)
    return (" WHERE " + " AND ".join(terms) if terms else ""), values
