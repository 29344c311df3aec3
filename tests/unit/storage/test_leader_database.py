"""Opening the leader's database: creating, adopting, upgrading, copying."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import delete

from pioreactor.exc import ConfigurationError, StorageError
from pioreactor.storage.leader import migrate, migrations
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.leader.location import located
from pioreactor.storage.leader.revisions import newest_revision
from pioreactor.storage.leader.schema import METADATA
from pioreactor.storage.leader.schema.ddl import triggers, views
from pioreactor.storage.leader.schema.tables import workers
from pioreactor.storage.ports import Row, ValueType

MOMENT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def look(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_a_fresh_database_has_every_table_column_trigger_and_view(tmp_path: Path) -> None:
    path = tmp_path / "new" / "pioreactor.sqlite"
    migrate.upgrade(path)
    for table in METADATA.tables.values():
        found = {row[1] for row in look(path, f"PRAGMA table_info({table.name})")}
        assert found == {column.name for column in table.columns}, table.name
    assert {row[0] for row in look(path, "SELECT name FROM sqlite_master WHERE type = 'trigger'")} == set(triggers())
    assert {row[0] for row in look(path, "SELECT name FROM sqlite_master WHERE type = 'view'")} == set(views())
    assert look(path, "PRAGMA journal_mode") == [("wal",)]
    assert look(path, "PRAGMA auto_vacuum") == [(2,)]


def test_the_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(str(migrations.__file__)).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [newest_revision()]


def test_upgrading_twice_or_at_once_does_it_once(tmp_path: Path) -> None:
    path = tmp_path / "pioreactor.sqlite"
    failed: list[BaseException] = []

    def upgrade() -> None:
        try:
            migrate.upgrade(path)
        except BaseException as error:  # noqa: BLE001  reported by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert migrate.is_current(path)
    migrate.upgrade(path)
    assert look(path, "SELECT COUNT(*) FROM alembic_version") == [(1,)]


def reference_database(path: Path) -> None:
    """Make a small file as the reference leaves it: no revision, its own triggers, an older table of workers."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("""
            CREATE TABLE experiments (experiment TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL, description TEXT);
            CREATE TABLE workers (pioreactor_unit TEXT NOT NULL UNIQUE, added_at TEXT NOT NULL, is_active INTEGER
                DEFAULT 1 NOT NULL);
            CREATE TABLE dosing_events (experiment TEXT NOT NULL, timestamp TEXT NOT NULL, event TEXT NOT NULL,
                volume_change_ml REAL NOT NULL, pioreactor_unit TEXT NOT NULL, source_of_event TEXT,
                FOREIGN KEY (experiment) REFERENCES experiments (experiment) ON DELETE CASCADE);
            CREATE INDEX dosing_events_ix ON dosing_events (experiment, pioreactor_unit, timestamp);
            CREATE TABLE pioreactor_unit_activity_data (experiment TEXT NOT NULL, pioreactor_unit TEXT NOT NULL,
                timestamp TEXT NOT NULL, od_reading REAL, add_media_ml REAL,
                UNIQUE (experiment, pioreactor_unit, timestamp));
            CREATE TRIGGER update_pioreactor_unit_activity_data_from_dosing_events INSERT ON dosing_events
            WHEN new.event = 'add_media' BEGIN
                INSERT INTO pioreactor_unit_activity_data (pioreactor_unit, experiment, timestamp, add_media_ml)
                VALUES (new.pioreactor_unit, new.experiment, new.timestamp, new.volume_change_ml)
                ON CONFLICT (experiment, pioreactor_unit, timestamp)
                DO UPDATE SET add_media_ml = excluded.add_media_ml;
            END;
            CREATE VIEW latest_experiment AS SELECT experiment FROM experiments;
            CREATE TABLE my_plugin (a INTEGER);
            CREATE TRIGGER of_my_plugin AFTER INSERT ON my_plugin BEGIN SELECT 1; END;
            INSERT INTO experiments VALUES ('old', '2026-11-01T00:00:00.000Z', NULL);
            INSERT INTO workers (pioreactor_unit, added_at) VALUES ('w1', '2026-11-01T00:00:00.000Z');
            INSERT INTO dosing_events VALUES ('old', '2026-11-01T00:00:01.000Z', 'add_media', 0.5, 'w1', 'x');
        """)


def test_a_database_of_the_reference_is_adopted_with_its_data(tmp_path: Path) -> None:
    path = tmp_path / "pioreactor.sqlite"
    reference_database(path)
    database = LeaderDatabase.open(path, now=lambda: MOMENT)
    assert [experiment.experiment for experiment in database.experiments.all()] == ["old"]
    assert database.workers.get("w1").model_name is None
    database.workers.set_model("w1", model_name="pioreactor_20ml", model_version="1.5")
    database.close()

    sink = SqliteRecordSink(path)
    key = {"experiment": "old", "pioreactor_unit": "w1", "timestamp": "2026-11-22T08:00:00.000Z"}
    dose: dict[str, ValueType] = {"event": "add_media", "volume_change_ml": 1.0, "source_of_event": "t"}
    assert sink.commit([Row("dosing_events", {**key, **dose}), Row("growth_rates", {**key, "rate": 0.1})]) == []
    sink.close()
    rows = look(path, "SELECT timestamp, add_media_ml, growth_rate FROM pioreactor_unit_activity_data ORDER BY 1")
    assert rows == [("2026-11-01T00:00:01.000Z", 0.5, None), ("2026-11-22T08:00:00.000Z", 1.0, 0.1)]
    assert look(path, "SELECT name FROM sqlite_master WHERE name = 'of_my_plugin'") == [("of_my_plugin",)]
    indices = look(path, "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'dosing_events'")
    assert indices == [("dosing_events_ix",)]

    database = LeaderDatabase.open(path, now=lambda: MOMENT)
    database.experiments.delete("old")
    database.close()
    for table in ("dosing_events", "growth_rates", "pioreactor_unit_activity_data"):
        assert look(path, f"SELECT COUNT(*) FROM {table}") == [(0,)]


def test_a_failed_upgrade_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "pioreactor.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE pioreactor_unit_activity_data_rollup (a INTEGER)")
    with pytest.raises(StorageError):
        migrate.upgrade(path)
    names = {row[0] for row in look(path, "SELECT name FROM sqlite_master")}
    assert names == {"pioreactor_unit_activity_data_rollup"}


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    database = LeaderDatabase.open(tmp_path / "pioreactor.sqlite")
    with pytest.raises(StorageError, match="readonly"):
        database.access.rows(delete(workers).returning(workers.c.pioreactor_unit))
    database.close()


def test_addresses() -> None:
    assert located("sqlite:////a/b.sqlite") == Path("/a/b.sqlite")
    assert located("/a/b.sqlite") == Path("/a/b.sqlite")
    assert str(located("postgresql://ada@somewhere/x")) == "postgresql://ada@somewhere/x"
    with pytest.raises(ConfigurationError):
        located("mysql://somewhere/x")


@pytest.mark.parametrize("url", ["postgresql://ada:secret@somewhere/x", "postgresql://somewhere/x?password=secret"])
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        located(url)
    assert "secret" not in f"{refused.value} {refused.value.remedy}".replace("secrets/pgpass", "")


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "pioreactor.sqlite"
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(StorageError):
        LeaderDatabase.open(path)


def test_a_backup_is_whole_though_somebody_writes(tmp_path: Path) -> None:
    path, target = tmp_path / "pioreactor.sqlite", tmp_path / "pioreactor.sqlite.backup"
    target.write_text("an older one")
    database = LeaderDatabase.open(path, now=lambda: MOMENT)
    sink = SqliteRecordSink(path)
    key = {"experiment": "e", "pioreactor_unit": "u", "timestamp": "2026-11-22T08:00:00.000Z"}
    rows = [Row("growth_rates", {**key, "rate": n / 7}) for n in range(2000)]
    sink.commit(rows)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            sink.commit(rows[:10])

    writer = threading.Thread(target=write)
    writer.start()
    database.backup(target)
    stop.set()
    writer.join()
    count = look(target, "SELECT COUNT(*) FROM growth_rates")[0][0]
    assert isinstance(count, int)
    assert count >= 2000
    assert count % 10 == 0
    assert look(target, "PRAGMA integrity_check") == [("ok",)]
    assert not list(tmp_path.glob(".*unfinished*"))
    sink.close()
    database.close()


def test_space_goes_back_to_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "pioreactor.sqlite"
    database = LeaderDatabase.open(path)
    database.experiments.create("e")
    sink = SqliteRecordSink(path)
    key = {"experiment": "e", "pioreactor_unit": "u"}
    for second in range(60):
        sink.commit([Row("logs", {**key, "timestamp": f"{second:02d}", "message": "x" * 5000, "source": "t"})] * 10)
    sink.close()
    database.experiments.delete("e")
    assert database.give_space_back() > 1_000_000
    database.close()
