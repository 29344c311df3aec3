"""A backup is whole, kept in number, and can be put back while the database is open."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pioreactor.actions.backup import back_up, database_of, list_backups, restore, verify
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.exc import NotFoundError, StorageError
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.database import LeaderDatabase


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return build_simulation(data_root=tmp_path).units[0].runtime


@pytest.fixture
def database(runtime: Runtime) -> Path:
    path = database_of(runtime)
    path.parent.mkdir(parents=True)
    with closing(LeaderDatabase.open(path, now=runtime.clock.now)) as opened:
        opened.experiments.create("first")
    return path


def experiments(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT experiment FROM experiments ORDER BY experiment")]


def test_a_copy_is_verified_and_found_under_its_well_known_name(runtime: Runtime, database: Path) -> None:
    backup = back_up(runtime)

    assert experiments(backup.path) == ["first"]
    assert backup.rows > 0
    assert experiments(database.with_name("pioreactor.sqlite.backup")) == ["first"]


def test_only_the_newest_are_kept(runtime: Runtime, database: Path) -> None:
    for _ in range(4):
        back_up(runtime, kept=2)
        runtime.clock.sleep(2.0)

    assert len(list_backups(runtime)) == 2


def test_what_was_there_before_a_restore_is_kept(runtime: Runtime, database: Path) -> None:
    backup = back_up(runtime)
    with closing(LeaderDatabase.open(database, now=runtime.clock.now)) as open_meanwhile:
        open_meanwhile.experiments.create("second")

        before = restore(runtime, backup.path)

        assert [row.experiment for row in open_meanwhile.experiments.all()] == ["first"]
    assert experiments(database) == ["first"]
    assert experiments(before) == ["first", "second"]


def test_a_damaged_copy_is_refused_and_nothing_is_touched(runtime: Runtime, database: Path) -> None:
    backup = back_up(runtime)
    damaged = backup.path.with_name("damaged.sqlite")
    content = bytearray(backup.path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    damaged.write_bytes(content)

    with pytest.raises(StorageError, match="damaged"):
        restore(runtime, damaged)

    assert experiments(database) == ["first"]


def test_a_copy_of_a_newer_version_is_refused_and_nothing_is_touched(runtime: Runtime, database: Path) -> None:
    backup = back_up(runtime)
    with closing(sqlite3.connect(backup.path)) as copy, copy:
        copy.execute("UPDATE alembic_version SET version_num = '9999'")
        copy.execute("DELETE FROM experiments")

    with pytest.raises(StorageError, match=f"{backup.path.name} is of a newer version"):
        restore(runtime, backup.path)

    assert experiments(database) == ["first"]


def test_another_programs_database_is_refused(runtime: Runtime, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.sqlite"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE cats (name)")

    with pytest.raises(StorageError, match="no database of ours"):
        verify(foreign)


def test_without_a_database_there_is_nothing_to_back_up(runtime: Runtime) -> None:
    with pytest.raises(NotFoundError, match="no database"):
        back_up(runtime)
