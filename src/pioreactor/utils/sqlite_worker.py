"""A small SQLite connection that several threads may share."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence


class Sqlite3Worker:
    """Runs one statement after another; each commits by itself. `close` it when done."""

    def __init__(self, file_name: str, max_queue_size: int = 100, raise_on_error: bool = True) -> None:
        del max_queue_size
        self._raises = raise_on_error
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file_name, isolation_level=None, check_same_thread=False, timeout=15.0)

    def execute(self, query: str, values: Sequence[object] = ()) -> list[object]:
        """Run a statement and return its rows."""
        try:
            with self._lock:
                return self._connection.execute(query, tuple(values)).fetchall()
        except sqlite3.Error as error:
            if self._raises:
                raise
            return [f"Query returned error: {query}: {values}: {error}"]

    def close(self) -> None:
        with self._lock:
            self._connection.close()
