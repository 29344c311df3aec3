"""One SQLite file, opened once per process and shared by its threads."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pioreactor.private_files import restrict_database
from pioreactor.storage.ports import SqlRow, ValueType
from pioreactor.storage.sqlite_errors import VALUE_ERRORS, storage_error, value_error

BUSY_TIMEOUT_S = 15.0
_RETRY_S = 0.02

Synchronous = Literal["OFF", "NORMAL", "FULL"]


class SharedConnection:
    """A connection that is opened when first needed, with one lock around it.

    Another process's lock is waited for up to 15 s. Every failure is a `StorageError` that names the file, except that
    of a value that SQLite cannot hold: that is an `InvalidRequestError`.
    """

    def __init__(
        self,
        path: Path,
        *,
        synchronous: Synchronous,
        prepare: Callable[["SharedConnection"], None] | None = None,
    ) -> None:
        """`prepare` runs after each opening, before anything else uses the connection."""
        self.path = path
        self._synchronous = synchronous
        self._prepare = prepare
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._depth = 0
        self._tables: set[str] = set()

    def execute(self, sql: str, parameters: tuple[ValueType, ...] = ()) -> list[SqlRow]:
        """Run one statement and return its rows; outside a transaction it commits by itself."""
        with self._lock, self._translated():
            return self._opened().execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the write lock: all statements of the block happen, or none. An inner block joins the outer one."""
        with self._lock, self._translated():
            connection = self._opened()
            if self._depth == 0:
                connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0 and connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._commit(connection)

    def once(self, name: str, sql: str) -> None:
        """Run a `CREATE … IF NOT EXISTS` the first time this process uses `name`."""
        with self._lock:
            if name not in self._tables:
                self.execute(sql)
                if self._depth == 0:
                    self._tables.add(name)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
                self._tables.clear()

    @staticmethod
    def _commit(connection: sqlite3.Connection) -> None:
        try:
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise storage_error(f"{self.path.name} cannot be used", error) from error
        except VALUE_ERRORS as error:
            raise value_error(self.path.name, error) from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = open_sqlite(self.path, synchronous=self._synchronous)
        try:
            if self._prepare is not None:
                self._prepare(self)
        except BaseException:
            self.close()
            raise
        return self._connection


def open_sqlite(path: Path, *, synchronous: Synchronous, before_wal: tuple[str, ...] = ()) -> sqlite3.Connection:
    """Open a file in WAL mode; statements commit by themselves. Raises `sqlite3.Error`."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        for statement in before_wal:
            connection.execute(statement)
        _use_wal(connection)
        connection.execute(f"PRAGMA synchronous={synchronous}")
        restrict_database(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait by itself when two processes create the file at the same moment."""
    attempts = int(BUSY_TIMEOUT_S / _RETRY_S)
    pause = threading.Event()
    for attempt in range(attempts):
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == attempts - 1:
                raise
            pause.wait(_RETRY_S)
        else:
            return
