"""Start of jobs, and the list of jobs, without the parser of the command line."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import pioreactor
from pioreactor.cli import fast_start
from pioreactor.cli.exit_codes import run_to_exit_code
from pioreactor.cli.run import ENTRIES, _runs_with_faults
from pioreactor.cli.run_commands import command_of
from pioreactor.exc import NotAssignedAnExperimentError
from pioreactor.job_catalog import JOBS
from pioreactor.plugin_management.presence import any_package_is_plugin, are_there_plugins
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite.stores import SqliteUnitStores

WITHOUT_OPTIONS = [name for name, spec in JOBS.items() if not spec.has_options]


@pytest.fixture(autouse=True)
def a_unit_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOT_PIOREACTOR", str(tmp_path))
    monkeypatch.delenv("SKIP_PLUGINS", raising=False)
    (tmp_path / "plugins").mkdir()
    return tmp_path / "plugins"


def test_jobs_from_boot_start_without_the_parser() -> None:
    assert {"monitor", "mqtt_to_db_streaming", "growth_rate_calculating", "alarms"} == set(WITHOUT_OPTIONS)


@pytest.mark.parametrize("name", WITHOUT_OPTIONS)
def test_they_are_commands_without_options(name: str) -> None:
    assert not [option for option in command_of(JOBS[name]).params]
    assert name in ENTRIES
    assert fast_start.can_start(["run", name])


@pytest.mark.parametrize(
    "line", [["run"], ["run", "stirring"], ["run", "monitor", "--help"], ["kill", "monitor"], ["run", "--x", "monitor"]]
)
def test_other_command_lines_use_the_parser(line: list[str]) -> None:
    assert not fast_start.can_start(line)


def test_a_plugin_may_change_any_job(a_unit_of_our_own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (a_unit_of_our_own / "mine.py").write_text("")
    assert not fast_start.can_start(["run", "monitor"])
    monkeypatch.setenv("SKIP_PLUGINS", "1")
    assert fast_start.can_start(["run", "monitor"])


def test_an_installed_package_that_brings_plugins_is_seen(tmp_path: Path) -> None:
    other, plugin = tmp_path / "other-1.0.dist-info", tmp_path / "plugin-1.0.dist-info"
    other.mkdir()
    (other / "entry_points.txt").write_text("[console_scripts]\npioreactor.plugins=no:no\n")
    places = [str(tmp_path), str(tmp_path / "absent"), ""]
    assert not any_package_is_plugin(places)
    plugin.mkdir()
    (plugin / "entry_points.txt").write_text("[pioreactor.plugins]\nmine=mine\n")
    assert any_package_is_plugin(places)
    assert not are_there_plugins(tmp_path / "none", {"SKIP_PLUGINS": "1"})


def test_errors_are_printed_as_by_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise NotAssignedAnExperimentError("unit1 is not assigned", remedy="Assign it.")

    assert run_to_exit_code(fails) == 1
    assert capsys.readouterr().err == "Error: unit1 is not assigned\n  Try: Assign it.\n"


def test_msgspec_is_the_same_without_typing_extensions() -> None:
    before = dict(sys.modules)
    fast_start.import_msgspec()
    assert sys.modules.get("typing_extensions", "absent") == before.get("typing_extensions", "absent")


def test_a_job_under_construction_is_ended_on_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    from pioreactor.runtime import signals

    ended: list[str] = []

    class Job:
        def clean_up(self) -> None:
            ended.append("ended")

    monkeypatch.setattr(signals, "_running", [Job()])

    def interrupted() -> None:
        raise SystemExit(130)

    with pytest.raises(SystemExit):
        run_to_exit_code(interrupted)
    assert ended == ["ended"]


@pytest.mark.parametrize(
    ("name", "runs"),
    [("monitor", True), ("led_intensity", True), ("stirring", False), ("add_media", False), ("a_plugin", False)],
)
def test_only_what_repairs_runs_on_a_faulty_configuration(name: str, runs: bool) -> None:
    assert _runs_with_faults(name) is runs


class Registered:
    """A unit with jobs of this process."""

    def __init__(self, root: Path) -> None:
        self.environment = {"DOT_PIOREACTOR": str(root), "RUN_PIOREACTOR": str(root / "run")}
        self.registry = SqliteUnitStores(Paths.from_environment(self.environment)).jobs()

    def start(self, job_name: str, pid: int | None = None) -> int:
        return self.registry.register(
            unit="unit1", experiment="batch 3", job_name=job_name, job_source="user", leader="unit1",
            pid=os.getpid() if pid is None else pid, is_long_running=False, started_at="2030-01-01T00:00:00.000Z",
            exclusive=False,
        )  # fmt: skip

    def listed(self, *words: str) -> list[str] | None:
        return fast_start.listed_jobs(["jobs", *words], self.environment)

    def listed_by_the_command(self, *words: str) -> str:
        settings = {**os.environ, **self.environment, "LOCAL_CONFIG": "", "GLOBAL_CONFIG": ""}
        code = "import sys; from pioreactor.cli.tree import pio; pio(sys.argv[1:])"
        words = (sys.executable, "-c", code, "jobs", *words)
        return subprocess.run(words, env=settings, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("words", [["list"], ["list", "all"], ["list", "running"], ["running"]])
def test_the_list_of_jobs_is_the_commands_without_its_parser(tmp_path: Path, words: list[str]) -> None:
    unit = Registered(tmp_path)
    assert unit.listed(*words) is None  # there is no file yet
    assert unit.registry.running() == []
    assert unit.listed(*words) == ["No jobs."]
    unit.registry.finish(unit.start("stirring"), ended_at="2030-01-02T00:00:00.000Z")
    unit.start("od_reading")
    lines = unit.listed(*words)
    assert lines is not None and "od_reading" in lines[1]
    assert "".join(f"{line}\n" for line in lines) == unit.listed_by_the_command(*words)


@pytest.mark.parametrize("words", [["list", "--json"], ["list", "-n", "3"], ["info"], ["list", "what"], []])
def test_other_lines_about_jobs_use_the_parser(tmp_path: Path, words: list[str]) -> None:
    unit = Registered(tmp_path)
    unit.start("od_reading")
    assert unit.listed(*words) is None


def test_the_command_itself_records_that_a_job_has_ended(tmp_path: Path) -> None:
    unit = Registered(tmp_path)
    unit.start("od_reading", pid=2**22 + 1)
    assert unit.listed("list") is None
    assert unit.registry.running() == []
    assert unit.listed("list") is not None


def test_jobs_of_an_earlier_boot_are_left_to_the_command(tmp_path: Path) -> None:
    unit = Registered(tmp_path)
    unit.start("od_reading")
    with closing(sqlite3.connect(Paths.from_environment(unit.environment).volatile_store)) as database:
        database.execute("UPDATE volatile_boot SET boot_id = 'another'")
        database.commit()
    assert unit.listed("running") is None


def test_a_damaged_file_is_left_to_the_command(tmp_path: Path) -> None:
    unit = Registered(tmp_path)
    file = Paths.from_environment(unit.environment).volatile_store
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database" * 500)
    assert unit.listed("list") is None


def test_the_list_of_jobs_imports_no_parser(tmp_path: Path) -> None:
    unit = Registered(tmp_path)
    unit.start("od_reading")
    code = (
        "import sys; sys.argv = ['pio', 'jobs', 'list']; from pioreactor.cli.main import main; main();"
        "sys.stderr.write(' '.join({'click', 'msgspec', 'typing', 'pathlib', 'dataclasses'} & set(sys.modules)))"
    )
    # Without the packages of the environment, whose start-up files import some of these.
    environment = {**os.environ, **unit.environment, "PYTHONPATH": str(Path(pioreactor.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True)
    assert "od_reading" in done.stdout
    assert done.stderr == ""
