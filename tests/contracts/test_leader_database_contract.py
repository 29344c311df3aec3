"""The databases of the leader keep the promises of their contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.testing.contracts.leader_database import MOMENT, Leader, LeaderDatabaseContract


class TestSqliteLeaderDatabase(LeaderDatabaseContract):
    @pytest.fixture
    def leader(self, tmp_path: Path) -> Iterator[Leader]:
        path = tmp_path / "pioreactor.sqlite"
        database = LeaderDatabase.open(path, now=lambda: MOMENT)
        sink = open_record_sink(database.location, now=lambda: MOMENT)
        yield Leader(database, sink)
        sink.close()
        database.close()


class TestPostgresLeaderDatabase(LeaderDatabaseContract):
    @pytest.fixture
    def leader(self, leader_url: str) -> Iterator[Leader]:
        database = LeaderDatabase.open(leader_url, now=lambda: MOMENT)
        sink = open_record_sink(database.location, now=lambda: MOMENT)
        yield Leader(database, sink)
        sink.close()
        database.close()
