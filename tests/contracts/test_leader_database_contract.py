"""The databases of the leader keep the promises of their contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.testing.contracts.leader_database import MOMENT, Leader, LeaderDatabaseContract


class TestSqliteLeaderDatabase(LeaderDatabaseContract):
    @pytest.fixture
    def leader(self, tmp_path: Path) -> Iterator[Leader]:
        path = tmp_path / "pioreactor.sqlite"
        database = LeaderDatabase.open(path, now=lambda: MOMENT)
        sink = SqliteRecordSink(path, now=lambda: MOMENT)
        yield Leader(database, sink)
        sink.close()
        database.close()
