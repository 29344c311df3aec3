"""Plugins are found, checked in a process of their own, put in place in one step, and removed without their data."""

import itertools
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.plugin_management.wheels import write_wheel

from pioreactor.exc import InvalidRequestError, PioreactorError, StorageError
from pioreactor.plugin_management import discovery
from pioreactor.plugin_management.discovery import get_plugins
from pioreactor.plugin_management.import_check import try_import
from pioreactor.plugin_management.import_guard import ImportGuard
from pioreactor.plugin_management.installer import INDEX, Installer, PluginRefusedError, Source
from pioreactor.plugin_management.listing import list_plugins
from pioreactor.plugin_management.pip import requirement
from pioreactor.plugin_management.plugin_folder import PluginFolder, Record
from pioreactor.storage.leader.ingest.plugin_sql import run_script, tables_of
from pioreactor.storage.paths import Paths

JOB = """
from pioreactor.background_jobs.base import BackgroundJobContrib
from pioreactor.automations.led.base import LEDAutomationJobContrib
from pioreactor.config import config
OPEN_S = config.getfloat("valve.config", "open_s", fallback=1.0)
class Valve(BackgroundJobContrib):
    job_name = "valve_under_test"
class Flash(LEDAutomationJobContrib):
    automation_name = "flash_under_test"
    def execute(self):
        return None
"""
FILES = {
    "__init__.py": JOB,
    "additional_config.ini": "[valve.config]\nopen_s=5\n",
    "additional_sql.sql": "CREATE TABLE valve_case (experiment TEXT, open INTEGER);\n",
    "ui/contrib/charts/valve.yaml": "chart_key: valve\ndata_source: valve_case\ntitle: Valve\ny_axis_label: open\n"
    "fixed_decimals: 0\nmqtt_topic: valve/open\nsource: valve\ndata_source_column: open\n",
    "exportable_datasets/valve.yaml": "dataset_name: valves\ntable: valve_case\n",
    "post_install.sh": "exit 1\n",
}


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    path, modules = list(sys.path), set(sys.modules)
    made = Paths.below(tmp_path / "unit")
    for folder in (made.plugins, made.storage, made.run_pioreactor):
        folder.mkdir(parents=True)
    made.global_config.write_text("# shared\n")
    made.local_config.write_text("# own\n")
    with closing(sqlite3.connect(made.database)) as connection:
        connection.execute("CREATE TABLE od_readings (experiment TEXT, od_reading REAL)")
        connection.execute("INSERT INTO od_readings VALUES ('e', 1.0)")
        connection.commit()
    yield made
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    discovery._loaded.pop(made.plugins, None)
    discovery._failures.pop(made.plugins, None)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def installer(paths: Paths, index: Path) -> Installer:
    return installer_of(paths, index)


def installer_of(paths: Paths, index: Path, *, is_leader: bool = True) -> Installer:
    index.mkdir(exist_ok=True)
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": os.devnull}
    database = paths.database if is_leader else None
    now = datetime(2026, 5, 1, tzinfo=UTC)
    return Installer(paths, is_leader, database, lambda: now, environment=environment)


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "staging" not in file.parts and "__pycache__" not in file.parts
    }


def test_a_package_is_shown_installed_used_and_removed(installer: Installer, paths: Paths, index: Path) -> None:
    write_wheel(index, "valve_a", FILES, requires=("pioreactor>=23.6", "click", "helper_a"))
    write_wheel(index, "helper_a", {"__init__.py": ""}, is_plugin=False)
    before = everything_in(paths.dot_pioreactor)
    shown = installer.check(Source.named("valve-a"))
    assert everything_in(paths.dot_pioreactor) == before
    assert (shown.jobs, shown.automations) == (["valve_under_test"], ["led/flash_under_test"])
    assert (shown.tables, shown.configuration) == (["valve_case"], ["[valve.config] open_s"])
    assert (shown.charts, shown.datasets, shown.scripts) == (["valve"], ["valves"], ["post_install.sh"])
    assert shown.packages == ["helper_a 1.0"]
    assert shown.problems == []

    done = installer.install(Source.named("valve_a"))
    assert (done.key, done.version, done.status) == ("valve-a", "1.0", "installed")
    assert "open_s=5" in paths.local_config.read_text()
    assert "pio plugins setup valve-a" in done.messages[-1]
    [row] = [row for row in list_plugins(paths.plugins) if row.key == "valve-a"]
    assert (row.version, row.state, row.origin) == ("1.0", "enabled", "package index")
    assert row.installed_at == "2026-05-01T00:00:00.000Z"

    with closing(sqlite3.connect(paths.database)) as connection:
        connection.execute("INSERT INTO valve_case VALUES ('e', 1)")
        connection.commit()
    installer.uninstall("valve_a")
    assert [row for row in list_plugins(paths.plugins) if "valve" in row.name] == []
    assert "open_s=5" in paths.local_config.read_text()
    with closing(sqlite3.connect(paths.database)) as connection:
        assert connection.execute("SELECT count(*) FROM valve_case").fetchone() == (1,)


def test_a_newer_version_replaces_an_older_one(installer: Installer, paths: Paths, index: Path) -> None:
    write_wheel(index, "pump_a", {"__init__.py": "x = 1"}, version="1.0")
    installer.install(Source.named("pump_a"))
    assert installer.update("pump-a").messages == ["pump-a 1.0 is the newest version."]
    list_plugins(paths.plugins)
    write_wheel(index, "pump_a", {"__init__.py": "x = 2"}, version="1.10")
    installer.set_enabled("pump_a", False)
    installer.folder.package("gone-a").mkdir()
    installer.folder.write_record("gone-a", Record("3.0", INDEX))
    done = installer.update()
    assert done.before == {"gone-a": "3.0", "pump-a": "1.0"}
    assert done.after == {"gone-a": "3.0", "pump-a": "1.10"}
    assert [reason.partition(":")[0] for reason in done.failed] == ["gone-a"]
    assert installer.folder.record("pump-a").is_disabled, "an update enables nothing"
    installer.set_enabled("pump_a", True)
    [row] = [row for row in list_plugins(paths.plugins) if row.key == "pump-a"]
    assert (row.version, row.state) == ("1.0", "restart")
    assert installer.install(Source.named("pump_a", "1.0")).version == "1.0"


def test_a_wheel_is_installed_with_what_lies_beside_it(installer: Installer, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    file = write_wheel(stick, "gas_a", {"__init__.py": "import gas_help"}, requires=("gas_help",))
    with pytest.raises(PioreactorError, match="gas_help"):
        installer.install(Source.of_file(file))
    write_wheel(stick, "gas_help", {"__init__.py": ""}, is_plugin=False)
    done = installer.install(Source.of_file(file))
    assert done.contents.packages == ["gas_help 1.0"]


def test_a_file_is_installed_and_kept_when_it_is_removed(installer: Installer, paths: Paths, tmp_path: Path) -> None:
    file = tmp_path / "sip_a.py"
    file.write_text("__plugin_name__ = 'Sip'\n__plugin_version__ = '3'\n")
    assert installer.install(Source.of_file(file)).version == "3"
    assert get_plugins(paths.plugins)["Sip"].version == "3"
    installer.uninstall("Sip")
    assert not (paths.plugins / "sip_a.py").exists()
    [kept] = PluginFolder(paths.plugins).removed.iterdir()
    assert kept.read_text() == file.read_text()


BROKEN = {
    "raises": ("1/0", "ZeroDivisionError"),
    "asks for what is not there": ("import nothing_of_that_name", "nothing_of_that_name"),
    "kills": ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
    "exits": ("import os; os._exit(3)", "status 3"),
    "raises SystemExit": ("raise SystemExit(0)", "SystemExit"),
    "takes memory": ("x = bytearray(3 * 1024**3)", "MemoryError"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_cannot_be_imported_changes_nothing(
    installer: Installer, paths: Paths, tmp_path: Path, kind: str
) -> None:
    text, problem = BROKEN[kind]
    before = everything_in(paths.dot_pioreactor)
    (tmp_path / "broken_a.py").write_text(text)
    with pytest.raises(PluginRefusedError, match=problem):
        installer.install(Source.of_file(tmp_path / "broken_a.py"))
    assert everything_in(paths.dot_pioreactor) == before


def test_a_package_that_cannot_be_imported_changes_nothing(installer: Installer, paths: Paths, index: Path) -> None:
    """It is imported with the configuration that it brings."""
    before = everything_in(paths.dot_pioreactor)
    text = 'from pioreactor.config import config\nassert config["valve.config"]["open_s"] == "5"\n1/0\n'
    write_wheel(index, "broken_a", {**FILES, "__init__.py": text})
    with pytest.raises(PluginRefusedError, match="ZeroDivisionError"):
        installer.install(Source.named("broken_a"))
    assert everything_in(paths.dot_pioreactor) == before
    assert installer.folder.all_keys() == []


def test_one_that_does_not_return_is_ended(paths: Paths, tmp_path: Path) -> None:
    file = tmp_path / "slow_a.py"
    file.write_text("import time; time.sleep(60)")
    found = try_import(file, "slow_a.py", paths, os.environ, timeout_s=5.0)
    assert found.problem == "its import takes longer than 5 s"


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("DROP TABLE od_readings;", "belongs to others"),
        ("DELETE FROM od_readings;", "belongs to others"),
        ("UPDATE od_readings SET od_reading = 0;", "belongs to others"),
        ("ALTER TABLE od_readings ADD COLUMN x;", "belongs to others"),
        ("CREATE TRIGGER t AFTER INSERT ON od_readings BEGIN SELECT 1; END;", "belongs to others"),
        ("ATTACH DATABASE '/tmp/x' AS other;", "belongs to others"),
        ("PRAGMA writable_schema = 1;", "belongs to others"),
        ("CREATE TABLE IF NOT EXISTS od_readings (volts REAL);", "other columns"),
        ("INSERT INTO nowhere VALUES (1);", "nowhere"),
    ],
)
def test_sql_that_changes_what_belongs_to_others_is_refused(
    paths: Paths, tmp_path: Path, sql: str, problem: str
) -> None:
    (tmp_path / "additional_sql.sql").write_text(sql)
    before = paths.database.read_bytes()
    with pytest.raises(StorageError, match=problem):
        tables_of(tmp_path / "additional_sql.sql", paths.database)
    with suppress(StorageError):  # a table that exists is left as it is
        run_script(tmp_path / "additional_sql.sql", paths.database)
    assert paths.database.read_bytes() == before


def test_a_package_with_the_table_of_another_is_refused(installer: Installer, index: Path) -> None:
    write_wheel(index, "greedy_a", {"__init__.py": "", "additional_sql.sql": "DROP TABLE od_readings;"})
    with pytest.raises(PluginRefusedError, match="belongs to others"):
        installer.install(Source.named("greedy_a"))


def test_one_for_the_leader_is_skipped_on_a_worker(paths: Paths, index: Path) -> None:
    write_wheel(index, "leads_a", {"__init__.py": "1/0", "LEADER_ONLY": ""})
    done = installer_of(paths, index, is_leader=False).install(Source.named("leads_a"))
    assert done.status == "skipped"
    assert PluginFolder(paths.plugins).all_keys() == []


def test_a_package_that_needs_another_version_of_ours_is_refused(installer: Installer, index: Path) -> None:
    write_wheel(index, "old_a", {"__init__.py": ""}, requires=("click<1",))
    write_wheel(index, "click", {"__init__.py": ""}, version="0.9", is_plugin=False)
    with pytest.raises(PioreactorError, match="click"):
        installer.install(Source.named("old_a"))


def test_a_package_without_an_entry_point_is_no_plugin(installer: Installer, index: Path) -> None:
    write_wheel(index, "plain_a", {"__init__.py": ""}, is_plugin=False)
    with pytest.raises(PioreactorError, match="not a plugin"):
        installer.install(Source.named("plain_a"))


@pytest.mark.parametrize(
    "name",
    ["--index-url=http://evil", "-e", "https://evil/x.whl", "git+https://evil", "../x", "/tmp/x", "a b", "x;y", "",
     "x==1", "x @ http://evil", "x[extra]", "a\n--pre", "pioreactor", "Pioreactor", "x" * 101],
)  # fmt: skip
def test_pip_is_given_names_only(name: str) -> None:
    with pytest.raises(InvalidRequestError):
        requirement(name)


@pytest.mark.parametrize("version", ["--pre", "1.0 --pre", ">=1", "", "1;x", "1\n"])
def test_pip_is_given_versions_only(version: str) -> None:
    with pytest.raises(InvalidRequestError):
        requirement("x", version)


@pytest.mark.parametrize("name", ["x.txt", "x.tar.gz", "-x.py", "a b.py", "x.whl", "os.py", "json.py"])
def test_files_that_cannot_be_plugins_are_refused(installer: Installer, tmp_path: Path, name: str) -> None:
    file = tmp_path / "folder" / "sub" / name
    file.parent.mkdir(parents=True)
    file.write_text("")
    with pytest.raises(PioreactorError):
        installer.install(Source.of_file(file))


def test_one_that_ends_processes_is_disabled_and_named(installer: Installer, paths: Paths) -> None:
    (paths.plugins / "fatal_a.py").write_text("import os; os._exit(9)")
    guard = ImportGuard(paths.run_pioreactor, installer.folder)
    for dead in (2**22 + 1, 2**22 + 2):
        assert guard.disable_fatal() == []
        (paths.run_pioreactor / "plugin_imports").mkdir(exist_ok=True)
        (paths.run_pioreactor / "plugin_imports" / str(dead)).write_text("fatal_a.py")
    said: list[str] = []
    environment = {"RUN_PIOREACTOR": str(paths.run_pioreactor)}
    assert "fatal_a" not in get_plugins(paths.plugins, environment=environment, say=said.append)
    assert "fatal_a.py is disabled" in said[0]
    [row] = [row for row in list_plugins(paths.plugins) if row.key == "fatal_a.py"]
    assert (row.state, row.note) == ("disabled", "its import ended 2 processes")
    with pytest.raises(PluginRefusedError):
        installer.set_enabled("fatal_a", True)
    (paths.plugins / "fatal_a.py").write_text("x = 1")
    installer.set_enabled("fatal_a", True)
    assert "fatal_a" in get_plugins(paths.plugins)


def test_ends_long_ago_are_forgotten_after_an_import_that_worked(installer: Installer, paths: Paths) -> None:
    (paths.plugins / "steady_a.py").write_text("x = 1")
    marks = paths.run_pioreactor / "plugin_imports"
    marks.mkdir()

    def start(key: str = "steady_a.py") -> list[str]:
        """Start as a process does: disable what is fatal, then import."""
        guard = ImportGuard(paths.run_pioreactor, installer.folder)
        said = guard.disable_fatal()
        with guard.importing(key):
            pass
        return said

    def end_an_import(number: int, age_s: float) -> None:
        mark = marks / str(2**22 + number)
        mark.write_text("steady_a.py")
        os.utime(mark, times=(mark.stat().st_mtime - age_s,) * 2)

    end_an_import(1, age_s=7 * 86400.0)
    assert start("another.py") == []
    assert len(list(marks.iterdir())) == 1, "it is about another plugin"
    assert start() == []
    assert list(marks.iterdir()) == []
    end_an_import(2, age_s=5.0)
    assert start() == []
    end_an_import(3, age_s=1.0)
    assert "steady_a.py is disabled" in start()[0], "two within minutes"


class PowerCut(BaseException):
    """Ends a change; nothing after it is done."""


@pytest.mark.parametrize("step", range(4))
def test_an_update_that_is_cut_leaves_a_whole_version(paths: Paths, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps are: move the former version away, move the new one in, delete the former one."""
    folder = PluginFolder(paths.plugins)

    def replace_by(version: str) -> None:
        with folder.staged() as work:
            (work / "package").mkdir()
            (work / "package" / "version").write_text(version)
            folder.replace_package("pump-c", work / "package")

    replace_by("1.0")
    done = itertools.count()

    def counted(act: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **options: object) -> object:
            if next(done) >= step:
                raise PowerCut
            return act(*args, **options)

        return run

    replace_package = PluginFolder.replace_package

    def cut(*args: Any) -> None:
        monkeypatch.setattr(Path, "rename", counted(Path.rename))
        monkeypatch.setattr(shutil, "rmtree", counted(shutil.rmtree))
        replace_package(*args)

    monkeypatch.setattr(PluginFolder, "replace_package", cut)
    with suppress(PowerCut):
        replace_by("2.0")
    monkeypatch.undo()
    get_plugins(paths.plugins, environment={"RUN_PIOREACTOR": str(paths.run_pioreactor)})
    assert [file.relative_to(folder.packages) for file in folder.packages.rglob("*")] == [
        Path("pump-c"), Path("pump-c/version")
    ]  # fmt: skip
    assert (folder.package("pump-c") / "version").read_text() == ("1.0" if step < 2 else "2.0")
    replace_by("3.0")


def test_an_update_in_progress_is_left_alone(paths: Paths) -> None:
    folder = PluginFolder(paths.plugins)
    former = folder.packages / ".pump-d.former"
    with folder.staged():
        former.mkdir(parents=True)
        folder.recover()
        assert former.is_dir()
    folder.recover()
    assert folder.all_keys() == ["pump-d"]


def test_one_that_fails_is_listed_with_the_reason(paths: Paths) -> None:
    (paths.plugins / "fails_a.py").write_text("1/0")
    [row] = [row for row in list_plugins(paths.plugins) if row.key == "fails_a.py"]
    assert (row.state, row.note) == ("failed", "ZeroDivisionError: division by zero")


def test_one_that_takes_a_package_for_granted_says_which(paths: Paths) -> None:
    (paths.plugins / "granted_a.py").write_text("raise ModuleNotFoundError('no busio', name='busio')")
    [row] = [row for row in list_plugins(paths.plugins) if row.key == "granted_a.py"]
    assert row.note.startswith("ModuleNotFoundError: no busio. It is in Adafruit-Blinka")
    assert "-m pip install Adafruit-Blinka" in row.note


def test_one_that_is_disabled_is_not_imported(installer: Installer, paths: Paths) -> None:
    (paths.plugins / "quiet_a.py").write_text("x = 1")
    installer.set_enabled("quiet_a", False)
    assert "quiet_a" not in get_plugins(paths.plugins)
    [row] = [row for row in list_plugins(paths.plugins) if row.key == "quiet_a.py"]
    assert (row.state, row.note) == ("disabled", "disabled by hand")
