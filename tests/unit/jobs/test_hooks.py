"""Hooks of jobs: each exists on the base classes, and one that fails keeps a job from saying that it is ready."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pioreactor.automations.base import AutomationJob
from pioreactor.automations.dosing.base import DosingAutomationJobContrib
from pioreactor.automations.led.base import LEDAutomationJobContrib
from pioreactor.automations.temperature.base import TemperatureAutomationJobContrib
from pioreactor.background_jobs.base import (
    BackgroundJobContrib,
    BackgroundJobWithDodgingContrib,
    LongRunningBackgroundJobContrib,
)
from pioreactor.exc import HardwareNotFoundError, HookFailedError
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.lifecycle import LifecycleHooks
from pioreactor.states import LEGAL, JobState
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench

DOCUMENTED = sorted(
    {f"on_{state}" for state in JobState} | {f"on_{before}_to_{after}" for before in LEGAL for after in LEGAL[before]}
)
BASES = (
    BackgroundJobContrib,
    LongRunningBackgroundJobContrib,
    BackgroundJobWithDodgingContrib,
    AutomationJob,
    DosingAutomationJobContrib,
    LEDAutomationJobContrib,
    TemperatureAutomationJobContrib,
)


@pytest.fixture
def calibrated() -> Iterator[Bench]:
    with ExitStack() as benches:
        yield benches.enter_context(simulated_bench(scenario="water"))


def calling_super(base: type[BackgroundJob], called: list[str]) -> type[BackgroundJob]:
    """Return a job that overrides every hook and calls that of its base first, as plugins do."""

    def override(name: str) -> Callable[[Any], None]:
        def hook(job: Any) -> None:
            getattr(super(made, job), name)()
            called.append(name)

        return hook

    names = {"job_name": base.job_name or "calls_super", "automation_name": f"_calls_super_{base.__name__.lower()}"}
    made: type[BackgroundJob] = type("CallsSuper", (base,), {**names, **{name: override(name) for name in DOCUMENTED}})
    return made


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.__name__)
def test_every_hook_can_be_called_by_super(base: type[BackgroundJob], calibrated: Bench) -> None:
    called: list[str] = []
    made: Any = calling_super(base, called)
    arguments = {} if issubclass(base, AutomationJob) else {"plugin_name": "test"}
    job = calibrated.start(lambda: made(unit=calibrated.unit.name, experiment=EXPERIMENT, **arguments))
    job.set_state(job.SLEEPING)
    job.set_state(job.READY)
    job.clean_up()
    calibrated.wait(1.0)
    assert called == [
        "on_init",
        "on_init_to_ready",
        "on_ready",
        "on_ready_to_sleeping",
        "on_sleeping",
        "on_sleeping_to_ready",
        "on_ready",
        "on_ready_to_disconnected",
        "on_disconnected",
    ]
    assert [line for line in calibrated.logged("error") if "in CallsSuper" in line] == []
    for name in DOCUMENTED:
        getattr(job, name)()


def test_the_hooks_of_the_reference_exist() -> None:
    for name in [*DOCUMENTED, "on_disconnected_to_lost"]:
        assert callable(getattr(LifecycleHooks, name))


class Lamp(BackgroundJobContrib):
    """Switches an output on in one hook, and off in those of a pause and the end."""

    job_name = "lamp_with_failing_hook"
    published_settings = {"level": {"datatype": "float", "settable": True}}  # noqa: RUF012  as plugins write it

    def __init__(self, failing: str, error: Exception) -> None:
        super().__init__("unit1", EXPERIMENT, plugin_name="lamp")
        self.failing, self.error = failing, error
        self.level = 1.0
        self.fan = self.runtime.open_rig().pwm("stirring", owner=self.owner, hz=200)

    def run(self, hook: str) -> None:
        if hook in ("on_init_to_ready", "on_ready", "on_sleeping_to_ready"):
            self.fan.set_duty(50.0)
        if hook in ("on_sleeping", "on_disconnected"):
            self.fan.off()
        if hook == self.failing:
            raise self.error

    def on_init_to_ready(self) -> None:
        self.run("on_init_to_ready")

    def on_ready(self) -> None:
        self.run("on_ready")

    def on_sleeping(self) -> None:
        self.run("on_sleeping")

    def on_sleeping_to_ready(self) -> None:
        self.run("on_sleeping_to_ready")

    def on_disconnected(self) -> None:
        self.run("on_disconnected")


@pytest.mark.parametrize("hook", ["on_init_to_ready", "on_ready"])
@pytest.mark.parametrize("error", [ValueError("no relay"), HardwareNotFoundError("no relay", remedy="Plug it in.")])
def test_a_job_whose_start_fails_is_never_ready_and_ends(bench: Bench, hook: str, error: Exception) -> None:
    with pytest.raises(HookFailedError, match=f"{hook} failed: .*no relay") as raised:
        bench.start(lambda: Lamp(hook, error))
    bench.wait(1.0)
    assert raised.value.remedy == getattr(error, "remedy", None)
    assert bench.states(Lamp.job_name) == ["init", "disconnected"]
    assert bench.unit.world.outputs["stirring"] == 0.0
    assert len([line for line in bench.logged("error") if "no relay" in line]) == 1
    assert bench.unit.runtime.stores.jobs().running() == []
    assert bench.retained(f"{Lamp.job_name}/level") is None


@pytest.mark.parametrize("by_message", [True, False])
def test_a_job_that_cannot_be_resumed_stays_paused(bench: Bench, by_message: bool) -> None:
    job = bench.start(lambda: Lamp("on_sleeping_to_ready", ValueError("no relay")))
    job.set_state(job.SLEEPING)
    bench.messages.clear()
    if by_message:
        bench.set(Lamp.job_name, "state", "ready")
        bench.wait(1.0)
    else:
        with pytest.raises(HookFailedError, match="no relay"):
            job.set_state(job.READY)
    assert job.state == job.SLEEPING
    assert set(bench.states(Lamp.job_name)) == {"sleeping"}
    assert bench.unit.world.outputs["stirring"] == 0.0
    assert any("no relay" in line for line in bench.logged("error")) or not by_message
    job.failing = ""
    job.set_state(job.READY)
    assert bench.states(Lamp.job_name)[-1] == "ready"
    assert bench.unit.world.outputs["stirring"] == 50.0


def test_an_error_in_the_first_hook_refuses_the_start(bench: Bench) -> None:
    class Early(BackgroundJobContrib):
        job_name = "early"

        def on_init(self) -> None:
            raise ValueError("too early")

    with pytest.raises(HookFailedError, match="on_init failed: ValueError: too early"):
        bench.start(lambda: Early("unit1", EXPERIMENT, plugin_name="early"))
    assert bench.states("early")[-1] == "disconnected"
