"""Connections to PostgreSQL: checked when they are made, and with the methods of `sqlite3` that the leader uses."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo

from pioreactor.exc import InvalidRequestError, StorageError
from pioreactor.storage.leader.location import PostgresAddress
from pioreactor.storage.leader.postgresql.errors_of_server import server_error
from pioreactor.storage.ports import SqlCursor, SqlRow, ValueType

OLDEST_VERSION: Final = 140_000
CONNECT_TIMEOUT_S: Final = 10
LOCK_TIMEOUT: Final = "15s"
WRITERS_LOCK: Final = 0x70696F  # of this database only
TAKE_LOCK: Final = f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})"
"""One transaction writes at a time: rows are numbered in the order in which they become visible, as in SQLite."""


def connect(address: PostgresAddress, *, is_read_only: bool = False) -> psycopg.Connection[SqlRow]:
    """Return a connection whose statements commit by themselves. Raise `psycopg.Error`, or `StorageError` for an old
    server."""
    connection = psycopg.connect(described(address, is_read_only=is_read_only), autocommit=True)
    try:
        check_version(connection.info.server_version)
    except StorageError:
        connection.close()
        raise
    return connection


def described(address: PostgresAddress, *, is_read_only: bool = False) -> str:
    """Return the text by which libpq connects, without a password."""
    options = f"-c lock_timeout={LOCK_TIMEOUT} -c default_transaction_read_only={'on' if is_read_only else 'off'}"
    more = {"application_name": "pioreactor", "client_encoding": "UTF8", "options": options}
    if address.password_file is not None and Path(address.password_file).exists():
        more["passfile"] = address.password_file
    return make_conninfo(address.url, connect_timeout=CONNECT_TIMEOUT_S, **more)


def check_version(found: int, *, oldest: int = OLDEST_VERSION) -> None:
    """Raise `StorageError` for a server of an older version than supported; versions are those of libpq."""
    if found < oldest:
        raise StorageError(
            f"the server is PostgreSQL {found // 10000}, which is older than {oldest // 10000}",
            remedy=f"Upgrade the server to version {oldest // 10000} or later.",
        )


@lru_cache(maxsize=512)
def _translated(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class PostgresConnection:
    """A connection that is used as those of `sqlite3`: parameters are `?`, transactions are begun by hand."""

    def __init__(self, address: PostgresAddress) -> None:
        self.raw = connect(address)

    def execute(self, sql: str, parameters: Sequence[ValueType] = ()) -> SqlCursor:
        if not parameters:
            return self.raw.execute(sql)
        return self.raw.execute(_translated(sql), parameters)

    def executemany(self, sql: str, rows: Iterable[Sequence[ValueType]]) -> None:
        with self.raw.cursor() as cursor:
            cursor.executemany(_translated(sql), list(rows))

    def begin(self) -> None:
        """Begin a transaction that writes; wait for others to end."""
        self.raw.execute("BEGIN")
        self.raw.execute(TAKE_LOCK)

    def copy(self, target: str, columns: Iterable[str], rows: Iterable[Sequence[ValueType]]) -> None:
        """Insert rows by `COPY`."""
        names = ", ".join(map(quoted, columns))
        lines = "".join(["\t".join([_field(value) for value in row]) + "\n" for row in rows])
        with self.raw.cursor() as cursor, cursor.copy(f"COPY {quoted(target)} ({names}) FROM STDIN") as copy:
            copy.write(lines.encode())

    @property
    def in_transaction(self) -> bool:
        return self.raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE and not self.raw.closed

    def columns_of(self, table: str) -> list[str]:
        """Return the columns of a table in order, without the number of the row; empty if there is none."""
        rows = self.raw.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped "
            "AND attname <> 'rowid' ORDER BY attnum",
            (quoted(table),),
        )
        return [str(name) for (name,) in rows]

    def close(self) -> None:
        with suppress(psycopg.Error):
            self.raw.close()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _field(value: ValueType) -> str:
    """Return a value in the text format of `COPY`; what is no number is stored as nothing, as in SQLite."""
    if value is None or value != value:
        return "\\N"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    text = str(value)
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r") if not text.isprintable() else text


class SharedPostgresConnection:
    """See `sqlite.shared_connection.SharedConnection`: one connection of a process, with one lock around it."""

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._lock = threading.RLock()
        self._connection: PostgresConnection | None = None
        self._depth = 0

    def execute(self, sql: str, parameters: tuple[ValueType, ...] = ()) -> list[SqlRow]:
        """Run one statement and return its rows; outside a transaction it commits by itself."""
        with self._lock, self._translated():
            cursor = self._opened().execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep other writers out: all statements of the block happen, or none. An inner block joins the outer one."""
        with self._lock, self._translated():
            connection = self._opened()
            if self._depth == 0:
                connection.begin()
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    connection.execute("COMMIT")
            except BaseException:
                if self._depth == 1 and connection.in_transaction:
                    with suppress(psycopg.Error):
                        connection.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (UnicodeEncodeError, psycopg.DataError) as error:
            raise InvalidRequestError(f"a value does not fit into {self._address.name}: {error}") from error
        except psycopg.Error as error:
            if self._connection is not None and self._connection.raw.closed:
                self.close()
            raise server_error(f"{self._address.name} cannot be used", error) from error

    def _opened(self) -> PostgresConnection:
        if self._connection is None:
            self._connection = PostgresConnection(self._address)
        return self._connection
