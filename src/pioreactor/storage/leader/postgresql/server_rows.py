"""Reads rows of PostgreSQL for exports: one moment, by cursors of the server, which hold few rows at a time."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from typing import Final

import psycopg

from pioreactor.storage.leader.location import PostgresAddress
from pioreactor.storage.leader.postgresql import NUMBERED
from pioreactor.storage.leader.postgresql.errors_of_server import errors_translated
from pioreactor.storage.leader.postgresql.server_connection import connect, quoted
from pioreactor.storage.ports import SqlRow, ValueType

_FETCHED_AT_ONCE: Final = 1000
_POLL_S: Final = 0.25
_COLUMNS: Final = (
    "SELECT attname, format_type(atttypid, NULL), NOT attnotnull FROM pg_attribute "
    "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"
)
_TABLES: Final = (
    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
    "AND relnamespace = current_schema()::regnamespace ORDER BY 1"
)
_KEY: Final = (
    "SELECT attname FROM pg_index JOIN unnest(indkey) WITH ORDINALITY AS part (number, place) ON true "
    "JOIN pg_attribute ON attrelid = indrelid AND attnum = part.number "
    "WHERE indrelid = to_regclass(%s) AND indisprimary ORDER BY part.place"
)


class ServerReader:
    """See `RowReader`."""

    mark: Final = "%s"

    def __init__(self, connection: psycopg.Connection[SqlRow]) -> None:
        self._connection = connection
        self._cursors = (f"exported_{number}" for number in count())

    def escaped(self, sql: str) -> str:
        return sql.replace("%", "%%")

    def stream(self, sql: str, values: Sequence[ValueType]) -> Iterator[SqlRow]:
        """Yield the rows of a query; the server keeps the others."""
        with self._connection.cursor(next(self._cursors)) as cursor:
            cursor.execute(sql, values)
            while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
                yield from rows

    def tables(self) -> list[str]:
        return [str(name) for (name,) in self._connection.execute(_TABLES)]

    def names_of(self, source: str) -> list[str]:
        found = self._connection.execute(f"SELECT * FROM {source} LIMIT 0").description
        return [column.name for column in found or ()]

    def declared_columns(self, table: str) -> list[tuple[str, str, bool]]:
        found = self._connection.execute(_COLUMNS, (quoted(table),)).fetchall()
        return [(str(name), str(type_), bool(may)) for name, type_, may in found if name != NUMBERED]

    def key_of(self, table: str) -> list[str]:
        is_numbered = NUMBERED in [name for name, *_ in self._connection.execute(_COLUMNS, (quoted(table),))]
        return [NUMBERED] if is_numbered else [n for (n,) in self._connection.execute(_KEY, (quoted(table),))]


@contextmanager
def open_server(address: PostgresAddress, *, is_stopping: Callable[[], bool] | None) -> Iterator[ServerReader]:
    """Read one moment of the database; see `dataset_rows.open_dataset_rows`."""
    with (
        errors_translated(address.name),
        closing(connect(address, is_read_only=True)) as connection,
        _cancelled(connection, is_stopping),
    ):
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield ServerReader(connection)


@contextmanager
def _cancelled(connection: psycopg.Connection[SqlRow], is_stopping: Callable[[], bool] | None) -> Iterator[None]:
    """Have the server end what it does once `is_stopping` returns True: a long sort is not to be waited for."""
    has_ended = threading.Event()

    def watch() -> None:
        while is_stopping is not None and not has_ended.wait(_POLL_S):
            if is_stopping():
                connection.cancel_safe(timeout=5.0)

    (watcher := threading.Thread(target=watch, name="end of an export", daemon=True)).start()
    try:
        yield
    finally:
        has_ended.set()
        watcher.join()
