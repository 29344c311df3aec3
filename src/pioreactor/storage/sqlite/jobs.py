"""The job registry: the tables of spec core §1.7, and whether each row's process still lives."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

from pioreactor.exc import JobPresentError, StorageError
from pioreactor.processes.liveness import is_alive, process_started_at
from pioreactor.storage.key_value_encoding import stored_value
from pioreactor.storage.ports import JobRecord, SqlRow, ValueType
from pioreactor.storage.sqlite.shared_connection import SharedConnection
from pioreactor.structs.encoding import to_timestamp

_COLUMNS = (
    "job_id, unit, experiment, job_name, job_source, started_at, is_running, leader, pid, is_long_running_job, "
    "ended_at, process_started_at"
)
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS pio_job_metadata (
        job_id INTEGER PRIMARY KEY AUTOINCREMENT, unit TEXT NOT NULL, experiment TEXT NOT NULL,
        job_name TEXT NOT NULL, job_source TEXT NOT NULL, started_at TEXT NOT NULL, is_running INTEGER NOT NULL,
        leader TEXT NOT NULL, pid INTEGER NOT NULL, is_long_running_job INTEGER NOT NULL, ended_at TEXT,
        process_started_at REAL)""",
    """CREATE TABLE IF NOT EXISTS pio_job_published_settings (
        setting TEXT NOT NULL, value BLOB, proposed_value BLOB, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        job_id INTEGER NOT NULL REFERENCES pio_job_metadata (job_id), UNIQUE (setting, job_id))""",
    "CREATE INDEX IF NOT EXISTS idx_pio_job_metadata_is_running ON pio_job_metadata (is_running)",
    "CREATE INDEX IF NOT EXISTS idx_pio_job_metadata_is_running_experiment "
    "ON pio_job_metadata (is_running, experiment)",
    "CREATE INDEX IF NOT EXISTS idx_pio_job_metadata_job_name ON pio_job_metadata (job_name)",
    "CREATE INDEX IF NOT EXISTS idx_pio_job_published_settings_job_id ON pio_job_published_settings (job_id)",
)


def create_job_tables(connection: SharedConnection) -> None:
    """Create what is missing; a file of the reference is given the column it lacks."""
    with connection.transaction():
        for statement in _SCHEMA:
            connection.execute(statement)
        columns = {row[1] for row in connection.execute("PRAGMA table_info(pio_job_metadata)")}
        if "process_started_at" not in columns:
            connection.execute("ALTER TABLE pio_job_metadata ADD COLUMN process_started_at REAL")


def _now() -> datetime:
    return datetime.now(UTC)


class SqliteJobRegistry:
    """Rows in the volatile file. A row counts as running only while its very process lives."""

    def __init__(
        self,
        connection: SharedConnection,
        *,
        now: Callable[[], datetime] = _now,
        alive: Callable[[int, float | None], bool] = is_alive,
    ) -> None:
        """`now` stamps the end of rows whose process is found dead."""
        self._connection = connection
        self._now = now
        self._alive = alive

    def register(
        self,
        *,
        unit: str,
        experiment: str,
        job_name: str,
        job_source: str,
        leader: str,
        pid: int,
        is_long_running: bool,
        started_at: str,
        exclusive: bool,
    ) -> int:
        with self._connection.transaction():
            if exclusive:
                present = [job for job in self.running(job_name=job_name) if job.unit == unit]
                if present:
                    raise JobPresentError(
                        f"{job_name} already runs on {unit} (process {present[0].pid}, {present[0].experiment})",
                        remedy=f"Stop it first: `pio kill --job-name {job_name}`.",
                    )
            rows = self._connection.execute(
                "INSERT INTO pio_job_metadata (unit, experiment, job_name, job_source, started_at, is_running, leader,"
                " pid, is_long_running_job, process_started_at) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?)"
                " RETURNING job_id",
                (unit, experiment, job_name, job_source, started_at, leader, pid, int(is_long_running))
                + (process_started_at(pid),),
            )
            return int(rows[0][0])

    def finish(self, job_id: int, *, ended_at: str) -> None:
        self._connection.execute(
            "UPDATE pio_job_metadata SET is_running = 0, ended_at = ? WHERE job_id = ? AND is_running = 1",
            (ended_at, job_id),
        )

    def running(
        self,
        *,
        job_name: str | None = None,
        experiment: str | None = None,
        job_source: str | None = None,
        job_id: int | None = None,
    ) -> list[JobRecord]:
        wanted = {"job_name": job_name, "experiment": experiment, "job_source": job_source, "job_id": job_id}
        given = {column: value for column, value in wanted.items() if value is not None}
        found = self._select(
            "WHERE is_running = 1"
            + "".join(f" AND {column} = ?" for column in given)
            + " ORDER BY started_at DESC, job_id DESC",
            tuple(given.values()),
        )
        living = [job for job in found if self._alive(job.pid, job.process_started_at)]
        if len(living) < len(found):
            # On a full disk it is found out again at the next look: jobs can be stopped without it.
            with contextlib.suppress(StorageError):
                self._record_ends({job.job_id for job in found} - {job.job_id for job in living})
        return living

    def _record_ends(self, job_ids: set[int]) -> None:
        ended_at = to_timestamp(self._now())
        for job_id in sorted(job_ids):
            self.finish(job_id, ended_at=ended_at)

    def history(self, *, limit: int = 100) -> list[JobRecord]:
        self.running()
        return self._select("ORDER BY started_at DESC, job_id DESC LIMIT ?", (limit,))

    def get(self, job_id: int) -> JobRecord | None:
        rows = self._select("WHERE job_id = ?", (job_id,))
        return rows[0] if rows else None

    def purge(self, job_id: int) -> None:
        with self._connection.transaction():
            self._connection.execute("DELETE FROM pio_job_published_settings WHERE job_id = ?", (job_id,))
            self._connection.execute("DELETE FROM pio_job_metadata WHERE job_id = ?", (job_id,))

    def set_setting(self, job_id: int, setting: str, value: ValueType, *, at: str) -> None:
        stored = stored_value(value)
        if stored is None:
            self._connection.execute(
                "DELETE FROM pio_job_published_settings WHERE job_id = ? AND setting = ?", (job_id, setting)
            )
            return
        self._connection.execute(
            "INSERT INTO pio_job_published_settings (setting, value, created_at, updated_at, job_id)"
            " VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (setting, job_id) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
            (setting, stored, at, at, job_id),
        )

    def settings(self, job_id: int) -> dict[str, ValueType]:
        rows = self._connection.execute(
            "SELECT setting, value FROM pio_job_published_settings WHERE job_id = ? ORDER BY rowid", (job_id,)
        )
        return dict(rows)

    def _select(self, clause: str, parameters: tuple[ValueType, ...]) -> list[JobRecord]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM pio_job_metadata {clause}", parameters)
        return [_record(row) for row in rows]


def _record(row: SqlRow) -> JobRecord:
    flags = {6: bool(row[6]), 9: bool(row[9])}
    return JobRecord(*(flags.get(index, value) for index, value in enumerate(row)))
