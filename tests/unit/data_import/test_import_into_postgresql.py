"""Imports where the leader keeps its data in PostgreSQL: the same rows as in a file, refused and undone as there."""

import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.postgresql_server import PostgresServer
from tests.unit.data_import.reference_leader import make_reference_leader
from tests.unit.data_import.test_unit_archive import machine
from tests.unit.exports.test_export_from_postgresql import fill

from pioreactor.data_import.experiment_import import import_experiment, plan_experiment
from pioreactor.data_import.importer import Importer
from pioreactor.data_import.unit_archive import write_archive
from pioreactor.data_import.unit_import import UnitImporter
from pioreactor.exc import ConflictError, StorageError
from pioreactor.exports.experiment_archive import write_experiment
from pioreactor.plugin_management.installer import Installer
from pioreactor.runtime.context import Runtime
from pioreactor.settings.load import load_settings
from pioreactor.storage.leader.database import LeaderDatabase

NAME = "growth 1"


def silent(_table: str, _copied: int, _rows: int) -> None:
    """Report nothing."""


@pytest.fixture
def make_leader(tmp_path: Path) -> Callable[[str], Runtime]:
    return lambda name: machine(tmp_path / name, address="10.0.0.1", word="broker-secret", name=name)


@pytest.fixture
def server(make_leader: Callable[[str], Runtime], leader_url: str) -> Runtime:
    """A leader with PostgreSQL."""
    leader = make_leader("server")
    leader.paths.database.unlink()
    leader.paths.local_config.write_text(f"[storage]\ndatabase={leader_url}\n")
    LeaderDatabase.open(leader_url).close()
    return replace(leader, settings=load_settings(leader.paths.global_config, leader.paths.local_config))


@pytest.fixture
def archive(make_leader: Callable[[str], Runtime], tmp_path: Path) -> Path:
    lab = make_leader("lab")
    fill(lab.paths.database)
    with closing(sqlite3.connect(lab.paths.database)) as connection, connection:
        connection.execute("CREATE TABLE ph (experiment TEXT, ph REAL, raw BLOB, n INTEGER, x)")
        connection.execute("INSERT INTO ph VALUES (?, 7.5, ?, 3.0, 'a')", (NAME, b"\x00\x01"))
        connection.execute(
            "INSERT INTO logs (experiment, pioreactor_unit, timestamp, message, source) "
            "VALUES (?, 'unit1', '2026-03-01T13:00:00.000Z', 'nul: ' || char(0), 'x')",
            (NAME,),
        )
    return Path(write_experiment(lab, NAME, output=tmp_path / "growth.zip").path)


def data_of(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if name.startswith("data/") and "logs" not in name]
        return {name: opened.read(name) for name in names}


def test_the_data_of_an_experiment_are_equal_by_way_of_postgresql(
    archive: Path,
    server: Runtime,
    make_leader: Callable[[str], Runtime],
    postgresql_server: PostgresServer,
    leader_url: str,
    tmp_path: Path,
) -> None:
    plan = plan_experiment(server, archive)
    assert {table.name: table.rows for table in plan.tables}["od_readings"] == 9
    rows = import_experiment(server, archive, silent).rows
    with pytest.raises(ConflictError, match=NAME):
        import_experiment(server, archive, silent)
    name = leader_url.rpartition("/")[2]
    assert postgresql_server.execute("SELECT ph, raw, n, x FROM ph", name) == [(7.5, b"\x00\x01", 3, "a")]
    weeks = postgresql_server.execute("SELECT count(*) FROM od_readings_2026w09", name)
    assert weeks == [(9,)], "rows lie in the partition of their week"
    off = postgresql_server.execute("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'", name)
    assert off == [(0,)]
    again = write_experiment(server, NAME, output=tmp_path / "again.zip")
    assert data_of(Path(again.path)) == data_of(archive)
    third = make_leader("third")
    assert import_experiment(third, Path(again.path), silent).rows == rows
    assert data_of(Path(write_experiment(third, NAME, output=tmp_path / "third.zip").path)) == data_of(archive)
    database = LeaderDatabase.open(leader_url)
    database.experiments.delete(NAME)
    database.close()
    assert import_experiment(server, archive, silent).rows == rows


def test_a_row_that_does_not_fit_is_named_and_nothing_of_its_table_is_changed(
    archive: Path, server: Runtime, postgresql_server: PostgresServer, leader_url: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extract("experiment.sqlite", tmp_path)
    with closing(sqlite3.connect(tmp_path / "experiment.sqlite")) as connection, connection:
        connection.execute("UPDATE od_readings SET od_reading = 'much' WHERE rowid = 3")
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as made:
        made.write(tmp_path / "experiment.sqlite", "experiment.sqlite")
    with pytest.raises(StorageError, match=r"od_readings could not be copied: .*much"):
        import_experiment(server, tmp_path / "odd.zip", silent)
    name = leader_url.rpartition("/")[2]
    assert postgresql_server.execute("SELECT count(*) FROM od_readings", name) == [(0,)]
    with closing(sqlite3.connect(tmp_path / "experiment.sqlite")) as connection, connection:
        connection.execute("UPDATE od_readings SET od_reading = 1.0 WHERE rowid = 3")
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as made:
        made.write(tmp_path / "experiment.sqlite", "experiment.sqlite")
    assert import_experiment(server, tmp_path / "odd.zip", silent).rows["od_readings"] == 9


def test_a_leader_of_the_existing_software_is_imported_and_undone(
    server: Runtime, postgresql_server: PostgresServer, leader_url: str, tmp_path: Path
) -> None:
    database = LeaderDatabase.open(leader_url)
    database.experiments.create("mine")
    database.close()
    old = make_reference_leader(tmp_path / "old")
    importer = Importer(server, Installer(server.paths, True, None, server.clock.now))
    plan = importer.plan(old)
    assert plan.database is not None
    report = importer.run(old, plan, silent)
    assert report.rows["od_readings"] == 100
    name = leader_url.rpartition("/")[2]
    assert postgresql_server.execute("SELECT count(*) FROM od_readings", name) == [(100,)]
    with closing(sqlite3.connect(old / "storage" / "pioreactor.sqlite")) as connection:
        theirs = connection.execute("SELECT * FROM od_readings ORDER BY rowid").fetchall()
        columns = [row[1] for row in connection.execute("PRAGMA table_info(od_readings)")]
    ours = postgresql_server.execute(f"SELECT {', '.join(columns)} FROM od_readings ORDER BY rowid", name)
    assert ours == theirs
    assert (Path(report.copy) / "database.dump").exists()
    importer.undo()
    assert postgresql_server.execute("SELECT experiment FROM experiments", name) == [("mine",)]
    assert postgresql_server.execute("SELECT count(*) FROM od_readings", name) == [(0,)]


def test_the_archive_of_a_unit_leaves_a_database_on_a_server_where_it_is(
    server: Runtime, leader_url: str, tmp_path: Path
) -> None:
    (server.paths.calibrations / "media_pump").mkdir(parents=True)
    (server.paths.calibrations / "media_pump" / "pump.yaml").write_text("a: 1\n")
    archive = tmp_path / "server.zip"
    write_archive(server, archive)
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        assert json.loads(opened.read("metadata.json"))["database_url"] == leader_url
    assert {"audit_head.json", "storage/calibrations/media_pump/pump.yaml"} <= set(names)
    assert not [name for name in names if "pioreactor.sqlite" in name]
    database = LeaderDatabase.open(leader_url)
    database.experiments.create("mine")
    (server.paths.calibrations / "media_pump" / "pump.yaml").write_text("a: 2\n")
    UnitImporter(server).run(archive)
    assert (server.paths.calibrations / "media_pump" / "pump.yaml").read_text() == "a: 1\n"
    UnitImporter(server).undo()
    assert (server.paths.calibrations / "media_pump" / "pump.yaml").read_text() == "a: 2\n"
    assert [one.experiment for one in database.experiments.all()] == ["mine"]
    database.close()
    of_file = tmp_path / "file.zip"
    write_archive(machine(tmp_path / "other", address="10.0.0.1", word="broker-secret", name="server"), of_file)
    with pytest.raises(ConflictError, match="on a server"):
        UnitImporter(server).check(of_file)
