"""What every repository is given: readers, the writer, and the time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Select

from pioreactor.storage.leader.engine import reading, writing
from pioreactor.storage.ports import ValueType
from pioreactor.structs.encoding import to_timestamp

_FETCHED_AT_ONCE = 2000

SqlRow = tuple[Any, ...]
"""A row of a query; the types of its values are those of its columns."""


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


def exists(connection: Connection, query: Select[SqlRow]) -> bool:
    """Return whether a query finds a row."""
    return connection.execute(query.limit(1)).first() is not None


def change(connection: Connection, statement: Executable) -> int:
    """Run one statement and return how many rows it changed."""
    return connection.execute(statement).rowcount


def stream(connection: Connection, query: Select[SqlRow]) -> Iterator[SqlRow]:
    """Yield the rows of a query as the driver returns them, for results of hundreds of thousands of rows."""
    compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
    values: Mapping[str, object] = compiled.params
    positions = compiled.positiontup
    cursor = connection.connection.cursor()
    cursor.execute(str(compiled), values if positions is None else tuple(values[name] for name in positions))
    while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
        yield from rows
