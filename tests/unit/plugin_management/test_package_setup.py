"""What a plugin package brings is set up once: keys and tables that exist stay, the script runs only on a yes."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.commands.manage_plugins import plugins
from pioreactor.exc import PioreactorError, StorageError
from pioreactor.runtime import context
from pioreactor.settings.editing import add_missing_keys
from pioreactor.storage.leader.ingest.plugin_sql import run_script
from pioreactor.storage.paths import Paths

Install = Callable[[dict[str, str]], str]

CONFIG = "[valve.config]\nopen_s=5\nclosed_s=7\n\n[ui.overview.charts]\nvalve=1\nod=0\n"
SQL = """
CREATE TABLE valve_case (pioreactor_unit TEXT, open INTEGER);
CREATE INDEX valve_case_index ON valve_case (pioreactor_unit);
CREATE TRIGGER valve_case_trigger AFTER INSERT ON valve_case BEGIN
    DELETE FROM valve_case WHERE open = 0;
END;
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths.below(tmp_path / "data")
    made.storage.mkdir(parents=True)
    made.global_config.write_text("# shared\n[ui.overview.charts]\nod=1\n")
    made.local_config.write_text("# own\n[valve.config]\nclosed_s=9 ; mine\n")
    return made


def _add_keys(folder: Path, paths: Paths, *, is_leader: bool) -> list[str]:
    file = folder / "additional_config.ini"
    return add_missing_keys(file, shared=paths.global_config, local=paths.local_config, is_leader=is_leader)


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("is_leader", [True, False])
def test_only_keys_that_are_absent_are_added(paths: Paths, tmp_path: Path, is_leader: bool) -> None:
    folder = write(tmp_path / "package", "additional_config.ini", CONFIG)
    added = _add_keys(folder, paths, is_leader=is_leader)
    assert added == ["[valve.config] open_s"] + (["[ui.overview.charts] valve"] if is_leader else [])
    local = paths.local_config.read_text()
    assert local.startswith("# own\n[valve.config]\nclosed_s=9 ; mine\nopen_s=5")
    assert ("valve=1" in paths.global_config.read_text()) is is_leader
    assert "od=1" in paths.global_config.read_text()
    assert _add_keys(folder, paths, is_leader=is_leader) == []


def test_tables_are_made_once(paths: Paths, tmp_path: Path) -> None:
    folder = write(tmp_path / "package", "additional_sql.sql", SQL)
    assert run_script(folder / "additional_sql.sql", paths.database) == 3
    assert run_script(folder / "additional_sql.sql", paths.database) == 0
    with closing(sqlite3.connect(paths.database)) as connection:
        connection.execute("INSERT INTO valve_case VALUES ('u', 0)")
        assert connection.execute("SELECT count(*) FROM valve_case").fetchone() == (0,)


def test_a_script_of_sql_that_fails_changes_nothing(paths: Paths, tmp_path: Path) -> None:
    folder = write(tmp_path / "package", "additional_sql.sql", SQL + "INSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(StorageError, match="nowhere"):
        run_script(folder / "additional_sql.sql", paths.database)
    with closing(sqlite3.connect(paths.database)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


@pytest.mark.parametrize(("answer", "runs"), [("y\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_the_script_is_shown_and_runs_only_on_yes(
    paths: Paths, tmp_path: Path, package: Install, folder: Path, answer: str, runs: bool
) -> None:
    mark = tmp_path / "mark"
    name = package({"__init__.py": "", "additional_config.ini": CONFIG, "post_install.sh": f"touch {mark}\n"})
    result = setup(paths, folder, name, answer)
    assert f"touch {mark}" in result.output
    assert mark.exists() is runs
    assert "open_s=5" in paths.local_config.read_text()


def test_a_script_that_fails_is_an_error(paths: Paths, package: Install, folder: Path) -> None:
    name = package({"__init__.py": "", "post_install.sh": "exit 7\n"})
    assert "status 7" in str(setup(paths, folder, name, "y\n").exception)


@pytest.mark.parametrize("name", ["none", "file_under_test"])
def test_only_packages_can_be_set_up(paths: Paths, folder: Path, name: str) -> None:
    (folder / "file_under_test.py").write_text("")
    assert isinstance(setup(paths, folder, name, "").exception, PioreactorError)


def test_a_package_for_the_leader_changes_nothing_on_a_worker(paths: Paths, package: Install, folder: Path) -> None:
    name = package({"__init__.py": "", "additional_config.ini": CONFIG, "LEADER_ONLY": ""})
    before = paths.local_config.read_text()
    result = setup(paths, folder, name, "", unit=1)
    assert "leader only" in result.output
    assert paths.local_config.read_text() == before


def setup(paths: Paths, folder: Path, name: str, answer: str, *, unit: int = 0) -> click.testing.Result:
    if folder != paths.plugins and not paths.plugins.exists():
        paths.plugins.symlink_to(folder)
    simulation = build_simulation(units=("u1", "u2"))
    runtime = replace(simulation.units[unit].runtime, paths=paths)
    with context.using(runtime):
        return CliRunner().invoke(plugins, ["setup", name], input=answer, obj=CliContext(runtime=runtime))
