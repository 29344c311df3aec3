"""Connections to the leader's database: readers that cannot write, and one writer at a time."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, Integer, create_engine, event
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from pioreactor.exc import ConflictError, StorageError
from pioreactor.storage.leader.location import DatabaseLocation, PostgresAddress
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


def open_reading(path: DatabaseLocation) -> Engine:
    """Return an engine whose connections refuse to write."""
    if isinstance(path, PostgresAddress):
        return _open_server(path, is_read_only=True)
    return _open(path, begin="BEGIN", pragmas=(*_PRAGMAS, _MMAP, "PRAGMA query_only=ON"))


def open_writing(path: DatabaseLocation) -> Engine:
    """Return an engine whose transactions hold the write lock from their beginning: they never fail halfway."""
    if isinstance(path, PostgresAddress):
        return _open_server(path, is_read_only=False)
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


class _AnyInteger(Integer):
    """An integer of as many bits as its value needs: those of SQLite have 64, which SQLAlchemy would cast to 32."""

    render_bind_cast = False


def _open_server(address: PostgresAddress, *, is_read_only: bool) -> Engine:
    from pioreactor.storage.leader.postgresql.server_connection import TAKE_LOCK, connect  # only where it is configured

    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(address, is_read_only=is_read_only),
        isolation_level="REPEATABLE READ" if is_read_only else "READ COMMITTED",
        pool_pre_ping=True,  # the server may have been restarted since
    )
    engine.dialect.colspecs = {**engine.dialect.colspecs, Integer: _AnyInteger}
    if not is_read_only:

        @event.listens_for(engine, "begin")
        def begin_transaction(connection: Connection) -> None:
            connection.exec_driver_sql(TAKE_LOCK)

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
    except DataError as error:
        raise value_error("the database", _reason(error)) from error
    except SQLAlchemyError as error:
        raise _failure("the database cannot be read", _reason(error)) from error


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
    except DataError as error:
        raise value_error("the database", _reason(error)) from error
    except SQLAlchemyError as error:
        raise _failure("the database cannot be written", _reason(error)) from error


def _failure(what: str, reason: BaseException) -> StorageError:
    if not hasattr(reason, "sqlstate"):
        return storage_error(what, reason)
    from pioreactor.storage.leader.postgresql.errors_of_server import server_error  # only where it is configured

    return server_error(what, reason)


def _reason(error: SQLAlchemyError) -> BaseException:
    """Return the database's own error, which has no statement and no values in its words."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, BaseException) else error
