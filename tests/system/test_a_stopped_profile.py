"""Stopping a profile stops everything that it started, whatever its kind, and also what was resumed meanwhile."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from tests.system.demo_process import PIO, Demo, start, until

from pioreactor.job_catalog import JOBS
from pioreactor.storage.paths import Paths

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

OPTIONS = {
    "temperature_automation": "{automation_name: thermostat, target_temperature: 31}",
    # Its first dose would hold the pumps that the long action needs.
    "dosing_automation": "{automation_name: chemostat, exchange_volume_ml: 0.5, duration: 600, skip_first_run: true}",
    "led_automation": "{automation_name: light_dark_cycle, light_intensity: 40, light_duration_minutes: 600}",
}
STARTED = [spec.name for spec in JOBS.values() if not (spec.is_service or spec.leader_only)]
"""Every job that a profile can start."""
LONG_ACTION = "circulate_media"
PLUGIN = """
from pioreactor.background_jobs.base import BackgroundJobContrib

__plugin_name__ = "bubbler"


class Bubbler(BackgroundJobContrib):
    job_name = "bubbler"

    def __init__(self, unit, experiment):
        super().__init__(unit, experiment, plugin_name="bubbler")
"""


def profile() -> str:
    """Return a profile that starts a job of every kind, a plugin's job, a long action and a light."""
    actions = {name: OPTIONS.get(name, "{}") for name in [*STARTED, "bubbler"]}
    actions |= {LONG_ACTION: "{duration: 3000}", "led_intensity": "{D: 25}"}
    jobs = "".join(
        f"    {name}: {{actions: [{{type: start, t: 0, options: {options}}}]}}\n" for name, options in actions.items()
    )
    return (
        'version: "1.0"\nexperiment_profile_name: everything\ncommon:\n  jobs:\n'
        f"{jobs}    notes: {{actions: [{{type: log, t: 9d, options: {{message: over}}}}]}}\n"
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = start(tmp_path_factory.mktemp("p") / "data", "--no-jobs")
    (Paths.below(running.folder / "worker1").plugins / "bubbler.py").write_text(PLUGIN)
    (running.folder / "everything.yaml").write_text(profile())
    yield running
    running.stop()


@pytest.fixture
def run(demo: Demo) -> "Iterator[subprocess.Popen[str]]":
    until(lambda: set(demo.running()) == {"monitor"}, "nothing but monitor runs")
    command = [*PIO, "run", "experiment_profile", "execute", str(demo.folder / "everything.yaml"), "demo"]
    environment = demo.environment_of("leader")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    yield process
    process.send_signal(signal.SIGINT)  # what a failed test left running must not fail the next one
    process.communicate(timeout=60)


def stop(run: "subprocess.Popen[str]") -> str:
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    return output


def wait_for_jobs(demo: Demo, wanted: set[str]) -> None:
    """Wait until all of these run, and say which do not."""

    def missing() -> list[str]:
        return sorted(wanted - set(demo.running()))

    try:
        until(lambda: not missing(), "every job of the profile runs")
    except AssertionError as error:
        raise AssertionError(f"{error}; missing: {missing()}") from error


def assert_all_has_ended(demo: Demo, output: str) -> None:
    assert set(demo.running()) == {"monitor"}, output
    demo.wait_for_message("pioreactor/worker1/demo/leds/intensity", lambda now: b'"D":0' in now.replace(b" ", b""))


def test_jobs_of_every_kind_are_stopped_and_their_outputs_are_off(demo: Demo, run: "subprocess.Popen[str]") -> None:
    wait_for_jobs(demo, {"monitor", "bubbler", LONG_ACTION, *STARTED})
    assert_all_has_ended(demo, stop(run))


@pytest.mark.parametrize("job", ["led_automation", "stirring"])
def test_a_job_that_was_resumed_meanwhile_is_stopped(demo: Demo, run: "subprocess.Popen[str]", job: str) -> None:
    wait_for_jobs(demo, {LONG_ACTION, *STARTED})
    killed = demo.running()[job]["pid"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: demo.running().get(job, {}).get("pid", killed) != killed, "it runs again")
    assert_all_has_ended(demo, stop(run))


def test_a_job_that_is_still_starting_is_stopped(demo: Demo, run: "subprocess.Popen[str]") -> None:
    until(lambda: len(demo.running()) > 1, "the first job of the profile runs")
    output = stop(run)
    until(lambda: set(demo.running()) == {"monitor"}, f"what had been started has ended; it said:\n{output}")
