"""Dead jobs are restarted by their policy, with growing delays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from pioreactor.background_jobs.monitor.job_restarter import JobRestarter
from pioreactor.bootstrap.simulated import SimulatedUnit, Simulation, build_simulation
from pioreactor.jobs import restart_policy

HOUR_S = 3600.0


class Stage:
    """A unit whose jobs are rows of its registry; what the monitor starts is remembered, and lives if it may."""

    def __init__(self, simulation: Simulation, unit: SimulatedUnit) -> None:
        self.clock = simulation.clock
        self.started: list[tuple[float, tuple[str, ...], Mapping[str, str]]] = []
        self.said: list[str] = []
        self.lives = True
        self.runtime = replace(unit.runtime, launch_job=self._start)
        self.jobs = self.runtime.stores.jobs()
        self.restarter = JobRestarter(self.runtime, lambda _level, sentence: self.said.append(sentence))

    def run(self, name: str, *, state: str = "ready") -> int:
        wanted = restart_policy.DesiredJob(name, "exp", (name, "--fast"), "2030-01-01T00:00:00.000Z", state)
        restart_policy.record_desired(self.runtime, wanted)
        return self._register(name)

    def _register(self, name: str) -> int:
        return self.jobs.register(
            unit="unit1", experiment="exp", job_name=name, job_source="user", leader="unit1", pid=self.runtime.pid,
            is_long_running=False, started_at="2030-01-01T00:00:00.000Z", exclusive=True,
        )  # fmt: skip

    def die(self, job_id: int) -> None:
        self.jobs.finish(job_id, ended_at="2030-01-01T00:00:00.000Z")

    def _start(self, words: Sequence[str], environment: Mapping[str, str]) -> Callable[[], int | None]:
        self.started.append((self.clock.monotonic(), tuple(words), environment))
        if self.lives:
            self._register(words[0])
        return lambda: None

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 5)):
            self.clock.sleep(5.0)
            self.restarter.check()


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    simulation = build_simulation(config=getattr(request, "param", ""))
    yield Stage(simulation, simulation.units[0])


def test_a_dead_job_is_restarted_with_its_options(stage: Stage) -> None:
    job_id = stage.run("stirring")
    stage.wait(60)
    stage.die(job_id)
    stage.wait(15)
    [(_, words, environment)] = stage.started
    assert words == ("stirring", "--fast")
    assert environment == {"EXPERIMENT": "exp", "JOB_SOURCE": "resume", "PIOREACTOR_RESUMED": "1"}
    assert stage.said == ["stirring ended unexpectedly; restarting it."]
    stage.wait(HOUR_S)
    assert len(stage.started) == 1


def test_dosing_is_restarted_paused(stage: Stage) -> None:
    job_id = stage.run("dosing_automation")
    stage.wait(60)
    stage.die(job_id)
    stage.wait(15)
    assert stage.started[0][2]["PIOREACTOR_START_SLEEPING"] == "1"
    assert "paused: check the reactor, then resume it" in stage.said[0]


def test_a_stopped_job_is_not_restarted(stage: Stage) -> None:
    job_id = stage.run("stirring")
    stage.wait(60)
    restart_policy.remove_desired(stage.runtime, "stirring")
    stage.die(job_id)
    stage.wait(HOUR_S)
    assert (stage.started, stage.said) == ([], [])


def test_jobs_from_before_a_reboot_are_left_to_pio_resume(stage: Stage) -> None:
    stage.die(stage.run("stirring"))
    stage.wait(HOUR_S)
    assert (stage.started, stage.said) == ([], [])


def test_a_restarted_monitor_restarts_dead_jobs(stage: Stage) -> None:
    job_id = stage.run("stirring")
    stage.wait(60)
    stage.die(job_id)
    stage.restarter = JobRestarter(stage.runtime, lambda _level, sentence: stage.said.append(sentence))
    stage.wait(15)
    assert len(stage.started) == 1


def test_restart_delays_grow(stage: Stage) -> None:
    job_id = stage.run("stirring")
    stage.wait(60)
    stage.lives = False
    stage.die(job_id)
    stage.wait(5 * HOUR_S)
    times = [at for at, _, _ in stage.started]
    pauses = [round(after - before) for before, after in pairwise(times)]
    assert pauses[:4] == pytest.approx([60, 300, 900, 3600], abs=10)
    assert "stirring ended unexpectedly again (attempt 2); restarting it." in stage.said


@pytest.mark.parametrize("stage", ["[resume]\nstirring=ask\n"], indirect=True)
def test_the_policy_ask_logs_once(stage: Stage) -> None:
    job_id = stage.run("stirring")
    stage.wait(60)
    stage.die(job_id)
    stage.wait(5 * HOUR_S)
    assert stage.started == []
    assert stage.said == [
        "stirring ended unexpectedly. Start it again, or remove it with `pio kill --job-name stirring`."
    ]


@pytest.mark.parametrize(("source", "resumed"), [("experiment_profile/7", "experiment_profile/7"), ("user", "resume")])
def test_a_resumed_job_still_belongs_to_the_profile_that_started_it(stage: Stage, source: str, resumed: str) -> None:
    job = restart_policy.DesiredJob("stirring", "exp", ("stirring",), "2030-01-01T00:00:00.000Z", "ready", source)

    assert restart_policy.environment_to_resume(stage.runtime, job)["JOB_SOURCE"] == resumed
