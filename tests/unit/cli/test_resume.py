"""Desired jobs are stored until they are stopped, and resumed according to their policy."""

from collections.abc import Iterator
from contextvars import Context
from pathlib import Path

import pytest
from click.testing import CliRunner

from pioreactor.bootstrap.simulated import SimulatedUnit, Simulation, build_simulation
from pioreactor.calibrations.defaults import install_simulated
from pioreactor.cli import exit_codes
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.commands import resume as resume_command
from pioreactor.cli.run import run as run_group
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.restart_policy import DesiredJob, desired_jobs, last_gap, policy_for, record_alive, run_argv
from pioreactor.runtime import context


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    built = build_simulation(data_root=tmp_path)
    yield built
    for unit in built.units:
        unit.stop_jobs()
    built.clock.sleep(60.0)


@pytest.fixture
def unit(simulation: Simulation) -> SimulatedUnit:
    install_simulated(simulation.units[0].runtime)
    return simulation.units[0]


def start(unit: SimulatedUnit, *words: str) -> None:
    unit.run(lambda: exit_codes.run(run_group, list(words), obj=CliContext({}, runtime=unit.runtime)), name=words[0])


def test_a_started_job_is_desired_with_its_argv(simulation: Simulation, unit: SimulatedUnit) -> None:
    start(unit, "stirring", "--target-rpm", "400")
    simulation.clock.sleep(10.0)

    (desired,) = desired_jobs(unit.runtime)

    assert (desired.job_name, desired.argv, desired.state) == ("stirring", ("stirring", "--target-rpm", "400"), "ready")


class Paused(BackgroundJob):
    """Changes its state on its lane only."""

    job_name = "stirring"


def test_a_state_that_changes_on_a_thread_without_context_is_remembered(unit: SimulatedUnit) -> None:
    """A plugin's own thread may be one."""
    with context.using(unit.runtime):
        token = run_argv.set(("stirring",))
        with Paused(unit.name, "simulation") as job:
            run_argv.reset(token)
            Context().run(job.set_state, "sleeping")
            (desired,) = desired_jobs(unit.runtime)
    assert (desired.argv, desired.state) == (("stirring",), "sleeping")


def test_a_job_that_was_stopped_is_not_desired(simulation: Simulation, unit: SimulatedUnit) -> None:
    start(unit, "stirring", "--target-rpm", "400")
    simulation.clock.sleep(10.0)
    unit.stop_jobs()
    simulation.clock.sleep(5.0)

    assert desired_jobs(unit.runtime) == []


def test_a_second_start_that_is_refused_leaves_the_desired_job(simulation: Simulation, unit: SimulatedUnit) -> None:
    start(unit, "stirring", "--target-rpm", "400")
    simulation.clock.sleep(10.0)
    start(unit, "stirring", "--target-rpm", "999")
    simulation.clock.sleep(10.0)

    assert [desired.argv[-1] for desired in desired_jobs(unit.runtime)] == ["400"]


def test_dosing_is_held_and_the_rest_resumed(unit: SimulatedUnit) -> None:
    assert policy_for(unit.runtime, "dosing_automation") == "hold"
    assert policy_for(unit.runtime, "stirring") == "resume"
    assert policy_for(unit.runtime, "a_plugins_job") == "resume"


@pytest.mark.parametrize(
    ("name", "state", "paused"),
    [("stirring", "ready", False), ("stirring", "sleeping", True), ("dosing_automation", "ready", True)],
)
def test_a_held_job_is_started_paused(unit: SimulatedUnit, name: str, state: str, paused: bool) -> None:
    job = DesiredJob(name, "exp", (name,), "2030-01-01T00:00:00.000Z", state)
    seen: dict[str, str] = {}

    def record(_job: DesiredJob, environment: object) -> str:
        seen.update(dict(environment))  # type: ignore[call-overload]
        return "started"

    resume_command._carry_out(unit.runtime, job, {}, record)

    assert (seen.get("PIOREACTOR_START_SLEEPING") == "1") is paused
    assert seen["EXPERIMENT"] == "exp"
    assert seen["PIOREACTOR_RESUMED"] == "1"


def test_nothing_interrupted_is_said(unit: SimulatedUnit) -> None:
    answer = CliRunner().invoke(resume_command.resume, [], obj=CliContext({}, runtime=unit.runtime))

    assert answer.output == "No interrupted jobs.\n"


def test_the_gap_is_in_the_journal(simulation: Simulation, unit: SimulatedUnit) -> None:
    record_alive(unit.runtime)
    unit.cut_power()
    simulation.clock.sleep(3600.0)
    resume_command.mark_gap(unit.runtime, {"simulation"}, last_gap(unit.runtime))

    (entry,) = [e for e in unit.runtime.stores.journal().read(after_seq=0, limit=99) if b"Gap" in e.payload]

    assert b"from 2030-01-01T00:00:00.000Z to 2030-01-01T01:00:00.000Z" in entry.payload


def test_the_gap_ends_when_the_unit_lived_again_however_late_it_is_marked(
    simulation: Simulation, unit: SimulatedUnit
) -> None:
    """The monitor starts before `pio resume`, which takes seconds for each job, and says all the time that it lives."""
    record_alive(unit.runtime)
    simulation.clock.sleep(60.0)
    record_alive(unit.runtime)
    unit.cut_power()
    simulation.clock.sleep(3600.0)
    for _ in range(3):
        record_alive(unit.runtime)
        simulation.clock.sleep(5.0)
    since, until = last_gap(unit.runtime)
    assert (str(since), str(until)) == ("2030-01-01 00:01:00+00:00", "2030-01-01 01:01:00+00:00")
