"""The leader's database, opened: every repository at one place."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pioreactor.exc import ConfigurationError, StorageError
from pioreactor.private_files import restrict_database
from pioreactor.storage.leader.alarms import AlarmDatabase
from pioreactor.storage.leader.data_version import DataVersion, version_of
from pioreactor.storage.leader.engine import open_reading, open_writing
from pioreactor.storage.leader.location import DatabaseLocation, PostgresAddress, located
from pioreactor.storage.leader.migrate import upgrade
from pioreactor.storage.leader.repositories.assignments import Assignments, UnitLabels
from pioreactor.storage.leader.repositories.audit import Audit
from pioreactor.storage.leader.repositories.campaigns import Campaigns
from pioreactor.storage.leader.repositories.chart_preferences import ChartPreferences
from pioreactor.storage.leader.repositories.config_history import ConfigHistory
from pioreactor.storage.leader.repositories.context import Access
from pioreactor.storage.leader.repositories.experiments import Experiments
from pioreactor.storage.leader.repositories.logs import Logs
from pioreactor.storage.leader.repositories.media_rates import MediaRate, media_rates
from pioreactor.storage.leader.repositories.people import Invitations, People
from pioreactor.storage.leader.repositories.profile_runs import ProfileRuns
from pioreactor.storage.leader.repositories.proposals import Proposals
from pioreactor.storage.leader.repositories.quarantine import Quarantine
from pioreactor.storage.leader.repositories.time_series import TimeSeriesReader
from pioreactor.storage.leader.repositories.workers import Workers

if TYPE_CHECKING:
    from pioreactor.storage.leader.postgresql.server_version import ServerVersion

_INSTEAD = "Use the tools of PostgreSQL, or move the data into a file of SQLite."


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class LeaderDatabase:
    """Safe to share between threads. Measurements are written by what `open_records` returns, not here."""

    location: DatabaseLocation
    access: Access
    experiments: Experiments
    workers: Workers
    assignments: Assignments
    labels: UnitLabels
    chart_preferences: ChartPreferences
    logs: Logs
    time_series: TimeSeriesReader
    config_history: ConfigHistory
    profile_runs: ProfileRuns
    people: People
    invitations: Invitations
    quarantine: Quarantine
    alarms: AlarmDatabase
    audit: Audit
    proposals: Proposals
    campaigns: Campaigns
    version: DataVersion | ServerVersion

    @classmethod
    def open(cls, path_or_url: Path | str | PostgresAddress, *, now: Callable[[], datetime] = _now) -> Self:
        """Open a file (a path, or `sqlite:///…`) or a server (`postgresql://…`), bringing it up to date.

        A file is created. Raises `StorageError`, and `ConfigurationError` for a database of another kind.
        """
        path = located(path_or_url)
        upgrade(path)
        if isinstance(path, Path):
            restrict_database(path)
        access = Access(open_reading(path), open_writing(path), now)
        return cls(
            location=path,
            access=access,
            experiments=Experiments(access),
            workers=Workers(access),
            assignments=Assignments(access),
            labels=UnitLabels(access),
            chart_preferences=ChartPreferences(access),
            logs=Logs(access),
            time_series=TimeSeriesReader(access),
            config_history=ConfigHistory(access),
            profile_runs=ProfileRuns(access),
            people=People(access),
            invitations=Invitations(access),
            quarantine=Quarantine(access),
            alarms=AlarmDatabase(path, now=now),
            audit=Audit(access),
            proposals=Proposals(access),
            campaigns=Campaigns(access),
            version=version_of(path),
        )

    @property
    def path(self) -> Path:
        """The file; raise `ConfigurationError` where there is none."""
        if isinstance(self.location, Path):
            return self.location
        raise ConfigurationError("this is not possible with a database of PostgreSQL", remedy=_INSTEAD)

    def media_rates(self, experiment: str) -> dict[str, MediaRate]:
        """See `media_rates.media_rates`."""
        return media_rates(self.access, experiment)

    def give_space_back(self, *, max_pages: int = 5000) -> int:
        """Return free pages of the file to the disk; return how many bytes. Writers wait until it has finished.

        PostgreSQL does so by itself.
        """
        if not isinstance(self.location, Path):
            return 0
        with closing(sqlite3.connect(self.path, timeout=15.0, isolation_level=None)) as connection:
            try:
                size = connection.execute("PRAGMA page_size").fetchone()[0]
                before = connection.execute("PRAGMA freelist_count").fetchone()[0]
                connection.executescript(f"PRAGMA incremental_vacuum({int(max_pages)})")
                after = connection.execute("PRAGMA freelist_count").fetchone()[0]
            except sqlite3.Error as error:
                raise StorageError(f"{self.path.name} cannot be made smaller: {error}") from error
        return int((before - after) * size)

    def backup(self, target: Path) -> None:
        """Copy the database while it is used; the copy is checked, then takes the target's place at once."""
        unfinished = target.with_name(f".{target.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        try:
            with (
                closing(sqlite3.connect(self.path, isolation_level=None)) as source,
                closing(sqlite3.connect(unfinished)) as copy,
            ):
                # Copies one moment: without a transaction each write of others would start the copy all over.
                source.execute("BEGIN")
                source.execute("SELECT 1 FROM sqlite_master").fetchone()
                source.backup(copy, pages=200, sleep=0.01)
                verdict = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise StorageError(f"the copy of {self.path.name} is damaged: {verdict}")
            unfinished.replace(target)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{self.path.name} cannot be copied: {error}") from error
        finally:
            unfinished.unlink(missing_ok=True)

    def close(self) -> None:
        self.access.readers.dispose()
        self.access.writer.dispose()
        self.alarms.close()
        self.version.close()
