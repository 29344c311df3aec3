"""Whether a database of PostgreSQL has changed, without reading it."""

import select
from typing import Final

import psycopg
from psycopg import pq

from pioreactor.storage.leader.location import PostgresAddress
from pioreactor.storage.leader.postgresql.server_connection import described

_PATIENCE_S: Final = 0.05


class ServerVersion:
    """See `DataVersion`: which transactions of a server of PostgreSQL are visible; for use on one thread at a time.

    It never waits for the server longer than some milliseconds, as it is asked where other requests wait.
    """

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._connection: pq.abc.PGconn | None = None
        self._is_connected = False
        self._opened = 0

    def now(self) -> tuple[int, bytes] | None:
        """Return the number of the connection and what it sees; None while the server is away, slow or connected to."""
        try:
            seen = self._seen()
        except psycopg.Error:
            seen = None
            self.close()
        return None if seen is None else (self._opened, seen)

    def _seen(self) -> bytes | None:
        if self._connection is None:
            self._opened += 1
            self._is_connected = False
            self._connection = pq.PGconn.connect_start(described(self._address, is_read_only=True).encode())
            self._connection.nonblocking = 1
        if not self._is_connected:
            state = self._connection.connect_poll()
            if state == pq.PollingStatus.FAILED:
                raise psycopg.OperationalError("the server cannot be reached")
            self._is_connected = state == pq.PollingStatus.OK
            return None
        self._connection.send_query(b"SELECT pg_current_snapshot()")
        self._connection.flush()
        while self._connection.is_busy():
            readable, _, _ = select.select([self._connection.socket], [], [], _PATIENCE_S)
            if not readable:
                raise psycopg.OperationalError("the server does not answer in time")
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
