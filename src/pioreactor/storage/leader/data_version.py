"""Whether the leader's database has changed, without reading it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from pioreactor.storage.leader.location import DatabaseLocation, PostgresAddress

if TYPE_CHECKING:
    from pioreactor.storage.leader.postgresql.server_version import ServerVersion


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


def version_of(location: DatabaseLocation) -> DataVersion | ServerVersion:
    """Return what tells changes of a database."""
    if not isinstance(location, PostgresAddress):
        return DataVersion(location)
    from pioreactor.storage.leader.postgresql.server_version import ServerVersion  # only where it is configured

    return ServerVersion(location)
