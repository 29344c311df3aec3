"""Connections to the leader's database: readers that cannot write, and one writer at a time."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from pioreactor.exc import ConflictError
from pioreactor.storage.sqlite_errors import VALUE_ERRORS, storage_error, value_error

_PRAGMAS = (
    "PRAGMA busy_timeout=15000",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-4000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA wal_autocheckpoint=4000",
)
_MMAP = "PRAGMA mmap_size=268435456"


def open_reading(path: Path) -> Engine:
    """Return an engine whose connections refuse to write."""
    return _open(path, begin="BEGIN", pragmas=(*_PRAGMAS, _MMAP, "PRAGMA query_only=ON"))


def open_writing(path: Path) -> Engine:
    """Return an engine whose transactions hold the write lock from their beginning: they never fail halfway."""
    return _open(path, begin="BEGIN IMMEDIATE", pragmas=_PRAGMAS)


def _open(path: Path, *, begin: str, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Lend a connection that sees one moment of the database; failures are `StorageError`.

    A value that SQLite cannot hold is an `InvalidRequestError`.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except VALUE_ERRORS as error:
        raise value_error("the database", error) from error
    except SQLAlchemyError as error:
        raise storage_error("the database cannot be read", _reason(error)) from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Lend a connection whose changes happen together, or not at all.

    What the tables forbid is a `ConflictError`, a value that SQLite cannot hold an `InvalidRequestError`, everything
    else a `StorageError`.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except VALUE_ERRORS as error:
        raise value_error("the database", error) from error
    except IntegrityError as error:
        raise ConflictError(f"the database refuses this: {_reason(error)}") from error
    except SQLAlchemyError as error:
        raise storage_error("the database cannot be written", _reason(error)) from error


def _reason(error: SQLAlchemyError) -> BaseException:
    """Return the database's own error, which has no statement and no values in its words."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, BaseException) else error
