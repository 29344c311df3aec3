"""The leader's database moves to PostgreSQL and back: every row, after an interruption at any point, and then works."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.postgresql_server import PostgresServer

from pioreactor.exc import ConflictError, StorageError
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.database_status import status_of
from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.storage.leader.location import DatabaseLocation, located
from pioreactor.storage.leader.migrate import upgrade
from pioreactor.storage.leader.postgresql import move_database as moving
from pioreactor.storage.leader.postgresql.move_database import Moved, move_database
from pioreactor.storage.ports import Row
from pioreactor.testing.contracts.leader_database import MOMENT, stream_row


@pytest.fixture
def empty_url(postgresql_server: PostgresServer) -> Iterator[str]:
    url = postgresql_server.empty_database()
    yield url
    postgresql_server.drop(url)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database of SQLite with rows of every kind: recorded, of a clock years off, of people, of a plugin."""
    path = tmp_path / "pioreactor.sqlite"
    database = LeaderDatabase.open(path, now=lambda: MOMENT)
    database.experiments.create("e", description="tab\t, line\n, back\\slash, \N{GREEK SMALL LETTER MU}")
    database.workers.add("u1")
    sink = open_record_sink(path, now=lambda: MOMENT)
    late = Row("growth_rates", {**stream_row("growth_rates", rate=0.5).values, "timestamp": "2019-01-01T00:00:00.000Z"})
    sink.commit([late, *(stream_row("growth_rates", n, rate=n / 7) for n in range(40))], progress=("u1", "j", 41))
    sink.commit([stream_row("logs", 5, message='"\\N"', source="t", level="INFO", task=None)])
    sink.roll_up()
    sink.close()
    database.close()
    with closing(sqlite3.connect(path)) as plugin, plugin:
        plugin.execute("CREATE TABLE of_a_plugin (name TEXT, value REAL, data BLOB)")
        plugin.execute("INSERT INTO of_a_plugin VALUES ('a', 0.1, x'00ff'), (NULL, NULL, NULL)")
        plugin.execute("DELETE FROM logs WHERE 0")
    return path


def move(source: DatabaseLocation, target: DatabaseLocation) -> Moved:
    return move_database(source, target, progress=lambda table, done, total: None)


def test_every_row_moves_to_a_server_and_back(file: Path, empty_url: str, tmp_path: Path) -> None:
    server, back = located(empty_url), tmp_path / "back.sqlite"
    there = move(file, server)
    assert (there.tables["growth_rates"], there.tables["of_a_plugin"]) == (41, 2)
    sink = open_record_sink(server, now=lambda: MOMENT)
    assert sink.progress("u1", "j") == 41
    sink.commit([stream_row("growth_rates", 50, rate=1.0)], progress=("u1", "j", 42))
    assert sink.roll_up() > 0
    sink.close()
    database = LeaderDatabase.open(server, now=lambda: MOMENT)
    assert [row.experiment for row in database.experiments.all()] == ["e"]
    database.close()
    assert status_of(server).engine == "postgresql"
    again = move(server, back)
    assert again.tables["growth_rates"] == 42
    assert again.rows >= there.rows + 1
    names = "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    with closing(sqlite3.connect(file)) as before, closing(sqlite3.connect(back)) as after:
        assert after.execute(names).fetchall() == before.execute(names).fetchall()
        dump = "SELECT rowid, * FROM growth_rates WHERE rowid <= 41"
        assert after.execute(dump).fetchall() == before.execute(dump).fetchall()
    assert status_of(back).size_bytes > 0


@pytest.mark.parametrize("step", ["_create_missing", "empty", "insert", "_compare", "finish"])
def test_an_interrupted_move_continues(file: Path, leader_url: str, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    server, calls = located(leader_url), 0
    owner = moving if step.startswith("_") else moving._Server
    original = getattr(owner, step)

    def interrupted(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == (4 if step == "insert" else 1):
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(owner, step, interrupted)
    monkeypatch.setattr(moving, "ROWS_AT_ONCE", 7)
    with pytest.raises(KeyboardInterrupt):
        move(file, server)
    if step in {"insert", "_compare", "finish"}:
        with pytest.raises(StorageError, match="is being moved"):
            upgrade(server)
    assert move(file, server).tables["growth_rates"] == 41
    assert move(file, server).tables["growth_rates"] == 41, "what is finished is compared again"


def test_a_database_in_use_and_a_target_with_other_data_are_refused(
    file: Path, leader_url: str, tmp_path: Path
) -> None:
    server = located(leader_url)
    with closing(sqlite3.connect(file)) as other:
        other.execute("SELECT count(*) FROM logs").fetchall()
        with pytest.raises(ConflictError, match="uses the database"):
            move(file, server)
    database = LeaderDatabase.open(server, now=lambda: MOMENT)
    database.experiments.create("another")
    with pytest.raises(ConflictError, match="use the database"):
        move(server, tmp_path / "new.sqlite")
    database.close()
    with pytest.raises(ConflictError, match="differ"):
        move(file, server)
    with pytest.raises(ConflictError, match="same kind"):
        move(file, tmp_path / "new.sqlite")
