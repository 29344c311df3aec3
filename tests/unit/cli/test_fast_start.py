"""Start of jobs without the parser of the command line, unless there are plugins."""

import sys
from pathlib import Path

import pytest

from pioreactor.cli import fast_start
from pioreactor.cli.exit_codes import run_to_exit_code
from pioreactor.cli.run import ENTRIES, _runs_with_faults
from pioreactor.cli.run_commands import command_of
from pioreactor.exc import NotAssignedAnExperimentError
from pioreactor.job_catalog import JOBS
from pioreactor.plugin_management.presence import any_package_is_plugin, are_there_plugins

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
