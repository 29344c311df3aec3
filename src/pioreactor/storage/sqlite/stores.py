"""Everything one unit keeps, in three files: volatile, persistent, and the journal."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from pioreactor.processes.liveness import boot_id
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite.jobs import SqliteJobRegistry, create_job_tables
from pioreactor.storage.sqlite.journal import SqliteJournal
from pioreactor.storage.sqlite.kv import SqliteKeyValues, cache_names
from pioreactor.storage.sqlite.shared_connection import SharedConnection, Synchronous


def _now() -> datetime:
    return datetime.now(UTC)


class SqliteUnitStores:
    """Files are opened when first used; `close` closes those that were."""

    def __init__(
        self,
        paths: Paths,
        *,
        now: Callable[[], datetime] = _now,
        journal_synchronous: Synchronous = "FULL",
    ) -> None:
        """`now` stamps what the stores notice by themselves (a dead process, a damaged journal)."""
        self._paths = paths
        self._now = now
        self._journal_synchronous = journal_synchronous
        # A tmpfs forgets everything in a power cut anyway; the persistent file must not forget the vial's volume.
        self._volatile = SharedConnection(paths.volatile_store, synchronous="OFF", prepare=_prepare_volatile)
        self._persistent = SharedConnection(paths.persistent_store, synchronous="FULL")
        self._lock = threading.Lock()
        self._journal: SqliteJournal | None = None

    def volatile(self, name: str) -> SqliteKeyValues:
        return SqliteKeyValues(self._volatile, name)

    def persistent(self, name: str) -> SqliteKeyValues:
        return SqliteKeyValues(self._persistent, name)

    def cache_names(self) -> list[str]:
        return sorted({name for connection in (self._volatile, self._persistent) for name in cache_names(connection)})

    def jobs(self) -> SqliteJobRegistry:
        return SqliteJobRegistry(self._volatile, now=self._now)

    def journal(self) -> SqliteJournal:
        with self._lock:
            if self._journal is None:
                self._journal = SqliteJournal(self._paths.journal, now=self._now, synchronous=self._journal_synchronous)
            return self._journal

    def close(self) -> None:
        with self._lock:
            if self._journal is not None:
                self._journal.close()
                self._journal = None
        self._volatile.close()
        self._persistent.close()


def _prepare_volatile(connection: SharedConnection) -> None:
    """Empty a file that an earlier boot left behind (where `/run` is no tmpfs), then create the job tables."""
    boot = boot_id()
    with connection.transaction():
        connection.execute("CREATE TABLE IF NOT EXISTS volatile_boot (boot_id TEXT NOT NULL)")
        known = connection.execute("SELECT boot_id FROM volatile_boot")
        if known and known[0][0] != boot:
            for (table,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                " AND name <> 'volatile_boot' ORDER BY name = 'pio_job_metadata', name"
            ):
                connection.execute(f'DROP TABLE "{table}"')
            connection.execute("DELETE FROM volatile_boot")
            known = []
        if not known:
            connection.execute("INSERT INTO volatile_boot VALUES (?)", (boot,))
    create_job_tables(connection)
