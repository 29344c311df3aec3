"""Rows of another database, copied into one of PostgreSQL: values fitted to its types, weeks to their partitions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date
from typing import Final

import psycopg

from pioreactor.storage.leader.location import PostgresAddress
from pioreactor.storage.leader.migrate import upgrade
from pioreactor.storage.leader.postgresql import NUMBERED
from pioreactor.storage.leader.postgresql.errors_of_server import server_error
from pioreactor.storage.leader.postgresql.server_connection import PostgresConnection, quoted
from pioreactor.storage.leader.postgresql.weekly_partitions import partition_statements, partitioned_tables, week_of
from pioreactor.storage.ports import SqlRow, ValueType

_ROWS_AT_ONCE: Final = 5000
_MAX_WEEKS: Final = 1000
_TYPES: Final = {"INTEGER": "BIGINT", "INT": "BIGINT", "REAL": "DOUBLE PRECISION", "BLOB": "BYTEA"}
_COLUMN_TYPES: Final = (
    "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
    "WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped"
)


class ServerTarget:
    """See `table_copy.ImportTarget`."""

    errors = (sqlite3.Error, psycopg.Error, ValueError)

    def __init__(self, theirs: sqlite3.Connection, connection: PostgresConnection) -> None:
        self.theirs = theirs
        self._ours = connection

    def sql(self, statement: str) -> str:
        return statement.format(ours="")

    def execute(self, sql: str, parameters: Sequence[ValueType] = ()) -> list[SqlRow]:
        cursor = self._ours.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []

    def begin(self) -> None:
        self._ours.begin()

    def roll_back(self) -> None:
        if self._ours.in_transaction:
            with suppress(psycopg.Error):  # the server has rolled back by itself when it is gone
                self._ours.execute("ROLLBACK")

    def columns(self, table: str) -> list[str]:
        return self._ours.columns_of(table)

    def create(self, table: str, columns: Sequence[tuple[str, str]]) -> None:
        declared = [f"{quoted(name)} {_TYPES.get(kind, 'TEXT')}" for name, kind in columns if name != NUMBERED]
        self.execute(f"CREATE TABLE {quoted(table)} ({', '.join([*declared, f'{NUMBERED} BIGSERIAL PRIMARY KEY'])})")

    def triggers_off(self, table: str) -> list[str]:
        self._make_partitions(table)
        self.execute(f"ALTER TABLE {quoted(table)} DISABLE TRIGGER USER")
        return [f"ALTER TABLE {quoted(table)} ENABLE TRIGGER USER"]

    def insert(self, table: str, columns: Sequence[str], rows: str, values: Sequence[ValueType]) -> int:
        types = {str(name): str(kind) for name, kind in self.execute(_COLUMN_TYPES, (quoted(table),))}
        kinds = [types[name] for name in columns]
        cursor, copied = self.theirs.execute(rows, values), 0
        while found := cursor.fetchmany(_ROWS_AT_ONCE):
            self._ours.copy(table, columns, [list(map(_fitted, row, kinds)) for row in found])
            copied += len(found)
        return copied

    def _make_partitions(self, table: str) -> None:
        """Make the partitions of the weeks of which there are rows; a week with rows elsewhere keeps them there."""
        if table not in partitioned_tables():
            return
        weeks = set()
        for (day,) in self.theirs.execute(f"SELECT DISTINCT substr(timestamp, 1, 10) FROM source.{quoted(table)}"):
            with suppress(ValueError, TypeError):
                weeks.add(week_of(date.fromisoformat(day)))
        for statement in partition_statements(table, sorted(weeks)[-_MAX_WEEKS:]).values():
            with suppress(psycopg.errors.CheckViolation), self._ours.raw.transaction():
                self.execute(statement)


@contextmanager
def opened_server(address: PostgresAddress, theirs: sqlite3.Connection) -> Iterator[ServerTarget]:
    """Give the leader's database; failures of the server are `StorageError`."""
    upgrade(address)
    try:
        with closing(PostgresConnection(address)) as connection:
            yield ServerTarget(theirs, connection)
    except psycopg.Error as error:
        raise server_error("the import was stopped", error) from error


def _fitted(value: ValueType, kind: str) -> ValueType:
    """Return a value of SQLite, where a column has values of any type, as one of a type of PostgreSQL."""
    if value is None:
        return None
    if kind == "bytea":
        return value if isinstance(value, bytes) else str(value).encode()
    if kind == "text":
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return int(value) if kind == "bigint" and isinstance(value, float) and value.is_integer() else value
