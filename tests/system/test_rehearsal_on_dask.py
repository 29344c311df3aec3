"""A rehearsal on a real Dask scheduler and workers: the same result, also when a worker is killed meanwhile."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pytest

from pioreactor.experiment_profiles.rehearsal_data import Rehearsal
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan, RehearsedUnit
from pioreactor.rehearsal.dask_scheduler import Dask, RehearsalSchedulerError
from pioreactor.rehearsal.rehearse import rehearse
from pioreactor.rehearsal.schedulers import in_this_process
from pioreactor.rehearsal.strain import scenario_fields
from pioreactor.testing.ports import free_ports

distributed = pytest.importorskip("distributed", reason="the extra `dask` is not installed")
pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

START_TIMEOUT_S = 60.0
PLAN = RehearsalPlan(
    profile="""version: "1.0"
experiment_profile_name: trial
common:
  jobs:
    stirring: {actions: [{type: start, t: 0, options: {target_rpm: 400}}]}
    od_reading: {actions: [{type: start, t: 10s}]}
    add_media: {actions: [{type: repeat, t: 0, every: 5m, actions: [{type: start, t: 0, options: {ml: 0.5}}]}]}
""",
    experiment="trial",
    units=(RehearsedUnit(name="u1", model=("pioreactor_20ml", "1.5"), bottles_ml={"media": 5.0}),),
    scenario=scenario_fields("ecoli_turbidostat"),
    hours=1.0,
    runs=6,
)


@contextmanager
def program(*words: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "dask", *words]
    process = subprocess.Popen(command, env={**os.environ, **variables}, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def scheduler() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    port = free_ports(1)
    with program("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard") as process:
        address = f"tcp://127.0.0.1:{port}"
        distributed.Client(address, timeout=START_TIMEOUT_S, set_as_default=False).close()
        yield address, process


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with scheduler() as (started, _process):
        yield started


@contextmanager
def workers(address: str, *names: str, **variables: str) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    with ExitStack() as stack:
        started = {
            name: stack.enter_context(
                program(
                    "worker", address, "--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard", **variables
                )
            )
            for name in names
        }
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(len(names), timeout=START_TIMEOUT_S)
        yield started


def encoded(rehearsal: Rehearsal) -> bytes:
    return msgspec.json.encode(rehearsal)


def test_the_result_is_the_same_although_a_worker_is_killed(address: str) -> None:
    with workers(address, "a", "b") as running, distributed.Client(address, set_as_default=False) as onlooker:
        killed: list[str] = []

        def kill_one_at_work(_share: float) -> bool:
            at_work = {worker for worker, tasks in onlooker.processing().items() if tasks}
            if len(at_work) == 2 and not killed:
                running["a"].kill()
                killed.append("a")
            return True

        found = rehearse(PLAN, scheduler=Dask(address), progress=kill_one_at_work)
        assert killed
        assert running["a"].wait(10) == -9
    assert found.is_complete
    assert found.failed_runs == 0
    assert encoded(found) == encoded(rehearse(PLAN, scheduler=in_this_process))


def test_a_rehearsal_that_is_canceled_has_what_has_ended(address: str) -> None:
    with workers(address, "a"):
        found = rehearse(PLAN, scheduler=Dask(address), progress=lambda share: share == 0.0)
    assert not found.is_complete
    assert 0 < found.runs < PLAN.runs


def test_a_worker_with_another_version_is_named(address: str, tmp_path: Path) -> None:
    package = tmp_path / "pioreactor"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "version.py").write_text('__version__ = "26.0"\n')
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with (
        workers(address, "old", PYTHONPATH=path),
        pytest.raises(RehearsalSchedulerError, match=r"another version of this software than .*: 26\.0"),
    ):
        rehearse(PLAN, scheduler=Dask(address))


def test_a_scheduler_that_is_away_and_one_without_workers_are_told_apart(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pioreactor.rehearsal.dask_scheduler._CONNECT_TIMEOUT_S", 1.0)
    for wanted, message in (
        (address, "has no workers"),
        (f"tcp://127.0.0.1:{free_ports(1)}", "no scheduler answers"),
        ("big-machine", "no address of a scheduler"),
        ("tcp://big-machine", "no address of a scheduler"),
    ):
        with pytest.raises(RehearsalSchedulerError, match=message):
            rehearse(PLAN, scheduler=Dask(wanted))


def test_a_scheduler_that_ends_meanwhile_ends_the_rehearsal() -> None:
    with scheduler() as (address, process), workers(address, "a"):

        def end(_share: float) -> bool:
            process.kill()
            return True

        with pytest.raises(RehearsalSchedulerError, match="went away"):
            rehearse(PLAN, scheduler=Dask(address), progress=end)
