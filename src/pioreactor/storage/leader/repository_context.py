"""What every repository is given: readers, the writer, and the time."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from pioreactor.storage.leader.engine import reading, writing
from pioreactor.structs.encoding import to_timestamp


@dataclass(frozen=True, slots=True)
class Access:
    """Statements are text with named parameters (`:unit`)."""

    readers: Engine
    writer: Engine
    now: Callable[[], datetime]

    def reading(self) -> AbstractContextManager[Connection]:
        return reading(self.readers)

    def writing(self) -> AbstractContextManager[Connection]:
        return writing(self.writer)

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with self.reading() as connection:
            return fetch(connection, sql, **parameters)

    def timestamp(self) -> str:
        """The present moment, as it is stored."""
        return to_timestamp(self.now())


def fetch(connection: Connection, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(sql), parameters)]


def change(connection: Connection, sql: str, **parameters: Any) -> int:
    """Run one statement and return how many rows it changed."""
    return connection.execute(text(sql), parameters).rowcount
