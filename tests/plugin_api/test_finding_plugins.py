"""Plugins are found, imported once, in order; one that fails is named and left out."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pioreactor.cli import plugin_commands
from pioreactor.cli.plugin_commands import add_plugin_commands, command_for
from pioreactor.jobs.job import BackgroundJobContrib
from pioreactor.plugin_management.discovery import get_plugins
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench

_number = itertools.count()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def write(folder: Path, text: str, prefix: str = "") -> str:
    """Write a plugin file; return its module's name, which no other test uses."""
    name = f"{prefix}plugin_under_test_{next(_number)}"
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return name


def test_files_are_imported_in_order_once_and_described(folder: Path) -> None:
    second = write(folder, "import sys\nsys.order_under_test.append('second')\n", prefix="b_")
    about = "__plugin_name__='First'\n__plugin_version__='1.2'\n__plugin_summary__='About.'\n__plugin_author__='Ada'\n"
    first = write(folder, f"import sys\nsys.order_under_test.append('first')\n{about}", prefix="a_")
    order: list[str] = []
    sys.order_under_test = order  # type: ignore[attr-defined]
    try:
        found = get_plugins(folder, environment={})
        again = get_plugins(folder, environment={})
    finally:
        del sys.order_under_test  # type: ignore[attr-defined]
    assert order == ["first", "second"]
    assert again is found
    ours = {name: plugin for name, plugin in found.items() if plugin.source != "entry_points"}
    assert list(ours) == ["First", second]
    assert (ours["First"].version, ours["First"].description, ours["First"].author) == ("1.2", "About.", "Ada")
    assert ours["First"].source == f"plugins/{first}.py"
    assert ours[second].version == "unknown"


@pytest.mark.parametrize("text", ["1/0", "import nothing_of_that_name", "def (", "raise SystemError"])
def test_a_broken_one_is_named_and_left_out(folder: Path, text: str) -> None:
    broken, fine = write(folder, text), write(folder, "x = 1")
    said: list[str] = []
    found = get_plugins(folder, environment={}, say=said.append)
    assert broken not in found
    assert fine in found
    assert len(said) == 1
    assert broken in said[0]
    assert broken not in sys.modules


def test_they_can_be_left_out(folder: Path) -> None:
    write(folder, "1/0")
    assert get_plugins(folder, environment={"SKIP_PLUGINS": "1"}) == {}
    assert get_plugins(folder / "absent", environment={}, say=lambda words: pytest.fail(words)) is not None


JOB = '''
"""A plugin as it stands in the folder."""
import click
from pioreactor.background_jobs.base import BackgroundJobContrib
from pioreactor.cli.run import run
from pioreactor.whoami import get_unit_name, get_assigned_experiment_name

class Blinker(BackgroundJobContrib):
    """Blinks."""
    job_name = "blinker_under_test"
    published_settings = {"rate": {"datatype": "float", "settable": True, "unit": "Hz"}}
    def __init__(self, unit, experiment):
        super().__init__(unit, experiment, plugin_name="blinker")
        self.rate = 1.0

@click.command(name="click_under_test")
@click.option("--rate", default=2.0, type=float)
def click_blinker(rate):
    """Blinks at a rate."""
    unit = get_unit_name()
    with Blinker(unit, get_assigned_experiment_name(unit)) as job:
        job.rate = rate
        job.block_until_disconnected()

@run.command(name="run_under_test", help="Blinks, too.")
def run_blinker():
    click.echo("blinked")
'''


def test_commands_of_plugins_are_found_in_all_their_forms(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pioreactor.cli.run import run

    write(folder, JOB)
    group = click.Group("run")
    monkeypatch.setattr(plugin_commands, "get_plugins", lambda: get_plugins(folder, environment={}))
    try:
        add_plugin_commands(group)
        assert {"click_under_test", "blinker_under_test"} <= set(group.commands)
        shown = CliRunner().invoke(group, ["blinker_under_test", "--help"])
        assert "--rate" in shown.output
        assert CliRunner().invoke(run.commands["run_under_test"]).output == "blinked\n"
    finally:
        run.commands.pop("run_under_test", None)


class Lamp(BackgroundJobContrib):
    """A job that brings no command of its own."""

    job_name = "lamp_of_command_test"
    published_settings = {"level": {"datatype": "float", "settable": True}}  # noqa: RUF012

    def __init__(self, unit: str, experiment: str) -> None:
        super().__init__(unit, experiment, plugin_name="lamp")
        self.level = 1.0


def test_a_job_without_a_command_is_started_by_its_settings() -> None:
    with simulated_bench(scenario="water") as bench:
        outcome: list[int] = []

        def start() -> None:
            result = CliRunner().invoke(command_for(Lamp), ["--level", "7"], catch_exceptions=False)
            outcome.append(result.exit_code)

        bench.unit.run(start, name="lamp")
        bench.wait(5.0)
        assert bench.retained("lamp_of_command_test/level") == b"7.0"
        bench.set("lamp_of_command_test", "state", "disconnected")
        bench.wait(1.0)
        assert outcome == [0]


def test_a_unit_of_a_bench_is_found_by_code_that_takes_none() -> None:
    def lamp(bench: Bench) -> Lamp:
        return bench.start(lambda: Lamp(context.current().unit, EXPERIMENT), on=bench.simulation.units[1])

    with simulated_bench(scenario="water", units=("one", "two")) as bench:
        assert lamp(bench).unit == "two"
