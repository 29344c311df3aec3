"""What every repository is given: readers, the writer, and the time."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import TypeAlias

from sqlalchemy import Connection, Dialect, Engine, Executable, Select
from sqlalchemy.sql.compiler import SQLCompiler

from pioreactor.storage.leader.engine import reading, writing
from pioreactor.storage.ports import SqlRow, ValueType
from pioreactor.structs.encoding import to_timestamp

_FETCHED_AT_ONCE = 2000
_NUMBER = count()

Query: TypeAlias = "Select[*SqlRow]"


@dataclass(frozen=True, slots=True)
class Access:
    """Engines for reading and for writing. `now` returns the moment that changes are stamped with."""

    readers: Engine
    writer: Engine
    now: Callable[[], datetime]

    def reading(self) -> AbstractContextManager[Connection]:
        return reading(self.readers)

    def writing(self) -> AbstractContextManager[Connection]:
        return writing(self.writer)

    def rows(self, statement: Executable, **values: ValueType) -> list[SqlRow]:
        """Return all rows of a query; `values` are those of its named parameters."""
        with self.reading() as connection:
            return fetch(connection, statement, **values)

    def timestamp(self) -> str:
        """Return the current moment as it is stored."""
        return to_timestamp(self.now())


def fetch(connection: Connection, statement: Executable, **values: ValueType) -> list[SqlRow]:
    return [tuple(row) for row in connection.execute(statement, values)]


def exists(connection: Connection, query: Query) -> bool:
    """Return whether a query finds a row."""
    return connection.execute(query.limit(1)).first() is not None


def change(connection: Connection, statement: Executable) -> int:
    """Run one statement and return how many rows it changed."""
    return connection.execute(statement).rowcount


def stream(connection: Connection, query: Query, **values: ValueType) -> Iterator[SqlRow]:
    """Yield the rows of a query as the driver returns them, for results of hundreds of thousands of rows."""
    compiled = _compiled(query, connection.dialect)
    parameters, positions = compiled.construct_params(values), compiled.positiontup
    # Without a cursor of the server the driver of PostgreSQL would hold every row.
    cursor = connection.connection.cursor(*([] if connection.dialect.name == "sqlite" else [f"rows_{next(_NUMBER)}"]))
    try:
        cursor.execute(
            str(compiled), parameters if positions is None else tuple(parameters[name] for name in positions)
        )
        while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
            yield from rows
    finally:
        cursor.close()


@lru_cache(maxsize=128)
def _compiled(query: Query, dialect: Dialect) -> SQLCompiler:
    compiled = query.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{query} is not a statement of SQL")
    return compiled
