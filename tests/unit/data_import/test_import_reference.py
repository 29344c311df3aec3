"""The data of a leader of the existing software come over row by row, hostile ones do not; an import can be undone."""

import json
import os
import sqlite3
import stat
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.data_import.reference_leader import make_reference_leader

from pioreactor.bootstrap import build_runtime
from pioreactor.calibrations import store
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.commands.import_reference import import_reference
from pioreactor.clock.system import SystemClock
from pioreactor.data_import import archive_files as archives
from pioreactor.data_import.archive_files import HostileArchiveError
from pioreactor.data_import.source import opened, unpack
from pioreactor.data_import.table_copy import copy_tables, plan_tables
from pioreactor.exc import PioreactorError, StorageError
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.paths import Paths

NOT_COPIED = {"workers", "experiment_worker_assignments"}
OURS = "[cluster.topology]\nleader_hostname=new\nleader_address=127.0.0.1\n[mqtt]\nbroker_address=127.0.0.1\n"


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Runtime]:
    paths = Paths.below(tmp_path / "new")
    paths.storage.mkdir(parents=True)
    paths.global_config.write_text(OURS + "[stirring.config]\n# mine\ninitial_target_rpm=500\n")
    paths.local_config.write_text("")
    LeaderDatabase.open(paths.database).access  # noqa: B018  made as at the first start
    environment = {
        "DOT_PIOREACTOR": str(paths.dot_pioreactor),
        "RUN_PIOREACTOR": str(paths.run_pioreactor),
        "PIO_LOG_FILE": str(paths.log_file),
        "HOSTNAME": "new",
    }
    runtime = build_runtime(environment, asks_leader=False, handles_signals=False)
    yield runtime


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return make_reference_leader(tmp_path / "old")


def run(leader: Runtime, *arguments: str) -> Result:
    with context.using(leader):
        return CliRunner().invoke(import_reference, [*arguments], obj=CliContext(os.environ, runtime=leader))


def rows_of(database: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        theirs = ", ".join(sorted(columns))
        return sorted(connection.execute(f"SELECT {theirs} FROM {table}").fetchall(), key=repr)


def tables_of(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return [name for (name,) in found]


def schema_of(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT sql FROM sqlite_master WHERE type IN ('trigger', 'view', 'index')")
        return {sql for (sql,) in found if sql}


def contents(leader: Runtime) -> dict[str, object]:
    root = leader.paths.dot_pioreactor
    files = {
        str(file.relative_to(root)): file.read_bytes()
        for file in root.rglob("*")
        if file.is_file() and "sqlite" not in file.name and not {"imports", "staging", "records"} & set(file.parts)
    }
    return files | {name: rows_of(leader.paths.database, name) for name in tables_of(leader.paths.database)}


def archive_of(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    return target


def as_json(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, (result.output, result.exception)
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("is_archive", [False, True])
def test_everything_comes_over_row_by_row_and_can_be_undone(
    leader: Runtime, old: Path, tmp_path: Path, is_archive: bool
) -> None:
    path = archive_of(old, tmp_path / "old.zip") if is_archive else old
    before, schema = contents(leader), schema_of(leader.paths.database)
    plan = as_json(run(leader, str(path), "--dry-run", "--json"))
    assert contents(leader) == before
    report = as_json(run(leader, str(path), "--yes", "--json"))
    assert report["failed"] == []
    theirs = old / "storage" / "pioreactor.sqlite"
    for table in tables_of(theirs):
        if table not in NOT_COPIED:
            assert _is_equal(leader, theirs, table), table
    assert schema_of(leader.paths.database) >= schema
    assert (leader.paths.calibrations / "media_pump" / "pump-2025.yaml").exists()
    assert not (leader.paths.calibrations / "media_pump" / "broken.yaml").exists()
    assert (leader.paths.experiment_profiles / "growth.yaml").exists()
    assert (leader.paths.plugins / "lamp_of_old.py").exists()
    assert not (leader.paths.plugins / "broken_of_old.py").exists()
    config = leader.paths.global_config.read_text()
    assert "initial_target_rpm=432" in config
    assert "# mine" in config
    assert "pin=7" in config
    assert "oldleader" not in config
    assert "1=stirring" in leader.paths.local_config.read_text()
    tables = {table["name"]: table for table in plan["database"]["tables"]}  # type: ignore[index]
    assert tables["od_readings"]["rows"] == 100
    assert "join" in tables["workers"]["reason"]
    assert store.active_names(leader) == {"media_pump": "pump-2025"}
    assert {each["device"]: each["reason"] for each in plan["active"]} == {  # type: ignore[attr-defined]
        "media_pump": "",
        "waste_pump": "its file does not come over",
    }
    assert as_json(run(leader, "--undo", "--yes", "--json"))["undone_at"]
    assert store.active_names(leader) == {}
    assert contents(leader) == before
    assert isinstance(run(leader, "--undo", "--yes").exception, PioreactorError)


def _is_equal(leader: Runtime, theirs: Path, table: str) -> bool:
    """Whether rows are equal in the columns that both databases have."""
    found = []
    with closing(sqlite3.connect(theirs)) as connection:
        columns = sorted(str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})"))
    for database in (leader.paths.database, theirs):
        with closing(sqlite3.connect(database)) as connection:
            rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            found.append(sorted(rows, key=repr))
    return found[0] == found[1]


def test_an_experiment_that_is_here_stays_as_it_is(leader: Runtime, old: Path) -> None:
    with closing(sqlite3.connect(leader.paths.database)) as connection:
        connection.execute(
            "INSERT INTO experiments (experiment, created_at) VALUES ('Ö & 2', '2026-01-01T00:00:00.000Z')"
        )
        connection.commit()
    report = as_json(run(leader, str(old), "--yes", "--json"))
    with closing(sqlite3.connect(leader.paths.database)) as connection:
        found = dict(connection.execute("SELECT experiment, count(*) FROM od_readings GROUP BY 1"))
    assert found == {"Evolution 1": 66}
    assert report["rows"]["od_readings"] == 66  # type: ignore[index]


class StoppedClock(SystemClock):
    """Shows one moment: what is named after it must not be named alike."""

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)


def test_imports_of_one_second_add_nothing_twice_and_are_undone_one_after_the_other(leader: Runtime, old: Path) -> None:
    leader = replace(leader, clock=StoppedClock())
    states = []
    for number in range(3):
        leader.paths.plugins.mkdir(exist_ok=True)
        (leader.paths.plugins / "own.py").write_text(f"number = {number}\n")
        states.append(contents(leader))
        assert run(leader, str(old), "--yes").exit_code == 0
    assert contents(leader) == states[-1], "what is here already is not added again"
    for before in reversed(states):
        assert run(leader, "--undo", "--yes").exit_code == 0
        assert contents(leader) == before
    assert isinstance(run(leader, "--undo", "--yes").exception, PioreactorError)


def test_an_import_that_was_interrupted_is_continued(leader: Runtime, old: Path) -> None:
    theirs, ours = old / "storage" / "pioreactor.sqlite", leader.paths.database
    seen: list[str] = []

    def stop(table: str, copied: int, rows: int) -> None:
        seen.append(table)
        if len(seen) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_tables(theirs, ours, plan_tables(theirs, ours), stop)
    assert rows_of(ours, seen[-1]) == []
    copied = copy_tables(theirs, ours, plan_tables(theirs, ours), lambda *_: None)
    assert copied["od_readings"] == 100
    for table in seen:
        assert len(rows_of(ours, table)) == len(rows_of(theirs, table))


@pytest.mark.parametrize("damage", ["cut", "overwritten", "no database", "a view", "virtual"])
def test_a_database_that_cannot_be_trusted_changes_nothing(leader: Runtime, old: Path, damage: str) -> None:
    theirs = old / "storage" / "pioreactor.sqlite"
    if damage == "cut":
        theirs.write_bytes(theirs.read_bytes()[: theirs.stat().st_size // 2])
    elif damage == "overwritten":
        text = bytearray(theirs.read_bytes())
        text[8192:40960] = b"\xff" * 32768
        theirs.write_bytes(text)
    elif damage == "no database":
        theirs.write_text("hello" * 1000)
    else:
        with closing(sqlite3.connect(theirs)) as connection:
            connection.execute("ALTER TABLE experiments RENAME TO hidden")
            sql = "CREATE VIEW" if damage == "a view" else "CREATE VIRTUAL TABLE"
            rest = "AS SELECT * FROM hidden" if damage == "a view" else "USING fts5(experiment, created_at)"
            connection.execute(f"{sql} experiments {rest}")
            connection.commit()
    before = contents(leader)
    result = run(leader, str(old), "--yes")
    assert isinstance(result.exception, StorageError)
    assert contents(leader) == before


def hostile(target: Path, name: str, *, text: bytes = b"x", mode: int = 0) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.ini", "")
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, text)
    return target


@pytest.mark.parametrize(
    "name", ["../x.yaml", "plugins/../../x.py", "/etc/x", "plugins\\..\\x.py", "C:/x", "CONFIG.ini", "plugins/../x.py"]
)
def test_archives_with_paths_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "to").mkdir()
    with pytest.raises(HostileArchiveError):
        unpack(hostile(tmp_path / "x.zip", name), tmp_path / "to")
    assert list((tmp_path / "to").iterdir()) == []


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFCHR | 0o666, stat.S_IFIFO | 0o666])
def test_archives_with_links_and_devices_are_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(HostileArchiveError):
        unpack(hostile(tmp_path / "x.zip", "plugins/x.py", text=b"/etc/passwd", mode=mode), tmp_path)


def test_archives_that_unpack_to_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = hostile(tmp_path / "bomb.zip", "storage/pioreactor.sqlite", text=b"\0" * 40 * 1024**2)
    with pytest.raises(HostileArchiveError, match="times its size"):
        unpack(bomb, tmp_path)
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    with pytest.raises(HostileArchiveError, match="GiB"):
        unpack(hostile(tmp_path / "x.zip", "plugins/x.py", text=os.urandom(2000)), tmp_path)
    monkeypatch.setattr(archives, "MAX_ENTRIES", 1)
    with pytest.raises(HostileArchiveError, match="entries"):
        unpack(bomb, tmp_path)


def test_archives_that_are_damaged_are_refused(tmp_path: Path, old: Path) -> None:
    whole = archive_of(old, tmp_path / "old.zip")
    text = bytearray(whole.read_bytes())
    text[len(text) // 2] ^= 0xFF
    whole.write_bytes(text)
    with pytest.raises((HostileArchiveError, PioreactorError)), opened(whole, tmp_path / "work"):
        pass
    assert list((tmp_path / "work").iterdir()) == []


def test_links_in_a_folder_are_left_out(leader: Runtime, old: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("secret: 1")
    (old / "experiment_profiles" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.yaml").write_text("secret: 1")
    (old / "models").symlink_to(tmp_path / "folder")
    plan = as_json(run(leader, str(old), "--dry-run", "--json"))
    assert "link.yaml" not in json.dumps(plan)
    assert "x.yaml" not in json.dumps(plan)


def test_a_folder_that_is_no_leader_is_refused(leader: Runtime, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert isinstance(run(leader, str(tmp_path / "empty"), "--yes").exception, PioreactorError)


def test_only_a_leader_imports(leader: Runtime, old: Path) -> None:
    worker = replace(leader, identity=replace(leader.identity, leader_hostname="other"))
    assert isinstance(run(worker, str(old), "--yes").exception, PioreactorError)
