"""Jobs on the system clock and real threads, at a hundred times real speed."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pioreactor import topics
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.clock.system import SystemClock
from pioreactor.exc import JobPresentError, StoppedError
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.jobs.settings import Setting
from pioreactor.messaging.memory import MemoryBroker
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime

EXPERIMENT = "simulation"


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    clock = SystemClock(speed=100.0)
    simulated = build_simulation(experiment=EXPERIMENT).units[0].runtime
    with context.using(replace(simulated, clock=clock, buses=MemoryBroker(clock))) as made:
        yield made


class Threaded(BackgroundJob):
    job_name = "threaded"
    count = Setting(0)

    def __init__(self) -> None:
        super().__init__("unit1", EXPERIMENT)
        self.ended_by: list[str] = []
        self.gate = threading.Event()
        self.all_counted = threading.Event()
        self.seen_runtime: list[Runtime] = []

    def pump(self) -> None:
        try:
            self.sleep(1e6)
        except StoppedError as error:
            self.ended_by.append(type(error).__name__)
            raise

    def set_count(self, count: int) -> None:
        self.seen_runtime.append(context.current())
        self.count += count
        if self.count == 400:
            self.all_counted.set()

    def on_disconnected(self) -> None:
        self.ended_by.append("off")


def test_commands_of_many_threads_are_all_handled(runtime: Runtime) -> None:
    with Threaded() as job:

        def command() -> None:
            bus = runtime.buses.connect("commander")
            for _ in range(50):
                bus.publish(topics.set_setting("unit1", EXPERIMENT, "threaded", "count"), b"1")
            bus.close()

        threads = [threading.Thread(target=command) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # A thread that finds no other delivering delivers for all, the lane's own included: joining is not enough.
        assert job.all_counted.wait(20.0)
        assert set(map(id, job.seen_runtime)) == {id(runtime)}, "code on the lane finds the job's own runtime"
    assert job.ended_by == ["off"]


def test_a_stop_from_another_thread_interrupts_a_long_wait_and_runs_once(runtime: Runtime) -> None:
    job = Threaded()
    job._lane.post(job.pump)
    stoppers = [threading.Thread(target=job.clean_up) for _ in range(6)]
    for thread in stoppers:
        thread.start()
    for thread in stoppers:
        thread.join(20.0)
    job.block_until_disconnected()
    assert job.ended_by.count("off") == 1
    assert job.ended_by in (["StoppedError", "off"], ["off"])
    assert runtime.stores.jobs().running() == []


def test_only_one_of_many_simultaneous_starts_succeeds(runtime: Runtime) -> None:
    started: list[Threaded] = []
    refused: list[JobPresentError] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        with context.using(runtime):
            barrier.wait()
            try:
                started.append(Threaded())
            except JobPresentError as error:
                refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    assert (len(started), len(refused)) == (1, 7)
    started[0].clean_up()


def test_blocking_user_code_does_not_block_the_shutdown(runtime: Runtime) -> None:
    job = Threaded()
    job._lane.post(lambda: job.gate.wait(60.0) and None)  # type: ignore[arg-type]
    job.clean_up()
    assert job.ended_by == ["off"]
    job.gate.set()
    task = job._lane.task
    assert task is not None
    assert task.join(2000.0)
    assert job.ended_by == ["off"]


def test_an_action_on_the_main_thread_is_stopped_by_a_message(runtime: Runtime) -> None:
    bus = runtime.buses.connect("commander")
    with pytest.raises(StoppedError), managed_lifecycle("unit1", EXPERIMENT, "acting") as action:
        stop = threading.Timer(
            0.05, lambda: bus.publish(topics.set_setting("unit1", EXPERIMENT, "acting", "state"), b"disconnected")
        )
        stop.start()
        action.sleep(1e6)
    stop.join()
    bus.close()
