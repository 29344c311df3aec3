"""Whether the leader's database has changed, without reading it."""

from __future__ import annotations

import select
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pioreactor.storage.leader.location import DatabaseLocation, PostgresAddress

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

_SERVER_PATIENCE_S: Final = 0.05


class DataVersion:
    """Numbers that change with each transaction of others; for use on one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._opened = 0

    def now(self) -> tuple[int, int] | None:
        """Return the numbers of the connection and of its last change, in some microseconds; None when it is busy."""
        try:
            if self._connection is None:
                self._opened += 1
                self._connection = sqlite3.connect(self._path, timeout=0.0, check_same_thread=False)
            [version] = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            self.close()
            return None
        return self._opened, int(version)

    def close(self) -> None:
        """Close the connection; `now` opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class ServerVersion:
    """See `DataVersion`: which transactions of a server of PostgreSQL are visible; for use on one thread at a time.

    It never waits for the server longer than some milliseconds, as it is asked where other requests wait.
    """

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._connection: PGconn | None = None
        self._is_connected = False
        self._opened = 0

    def now(self) -> tuple[int, bytes] | None:
        """Return the number of the connection and what it sees; None while the server is away, slow or connected to."""
        import psycopg  # only where it is configured: it costs memory

        try:
            seen = self._seen()
        except psycopg.Error:
            seen = None
            self.close()
        return None if seen is None else (self._opened, seen)

    def _seen(self) -> bytes | None:
        from psycopg import OperationalError, pq

        from pioreactor.storage.leader.postgresql.server_connection import described

        if self._connection is None:
            self._opened += 1
            self._is_connected = False
            self._connection = pq.PGconn.connect_start(described(self._address, is_read_only=True).encode())
            self._connection.nonblocking = 1
        if not self._is_connected:
            state = self._connection.connect_poll()
            if state == pq.PollingStatus.FAILED:
                raise OperationalError("the server cannot be reached")
            self._is_connected = state == pq.PollingStatus.OK
            return None
        self._connection.send_query(b"SELECT pg_current_snapshot()")
        self._connection.flush()
        while self._connection.is_busy():
            readable, _, _ = select.select([self._connection.socket], [], [], _SERVER_PATIENCE_S)
            if not readable:
                raise OperationalError("the server does not answer in time")
            self._connection.consume_input()
        seen = None
        while (result := self._connection.get_result()) is not None:
            seen = result.get_value(0, 0) if result.status == pq.ExecStatus.TUPLES_OK else None
        return seen

    def close(self) -> None:
        """Close the connection; `now` opens another one."""
        if self._connection is not None:
            self._connection.finish()
            self._connection = None


def version_of(location: DatabaseLocation) -> DataVersion | ServerVersion:
    """Return what tells changes of a database."""
    return ServerVersion(location) if isinstance(location, PostgresAddress) else DataVersion(location)
