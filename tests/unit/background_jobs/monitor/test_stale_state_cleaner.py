"""Retained states of dead jobs become lost; running jobs correct theirs."""

from collections.abc import Iterator

import pytest

from pioreactor.background_jobs.monitor.job import Monitor
from pioreactor.background_jobs.monitor.stale_state_cleaner import StaleStateCleaner
from pioreactor.jobs.job import BackgroundJob
from pioreactor.messaging.ports import Message
from pioreactor.storage.memory import MemoryJobRegistry
from pioreactor.testing.simulation import Bench, simulated_bench

STIRRING = "pioreactor/unit1/exp/stirring/$state"


class Quiet(BackgroundJob):
    """Does nothing."""

    job_name = "quiet"


@pytest.fixture
def bench() -> Iterator[Bench]:
    with simulated_bench() as built:
        yield built


def register(registry: MemoryJobRegistry, name: str = "stirring") -> int:
    return registry.register(
        unit="unit1",
        experiment="exp",
        job_name=name,
        job_source="user",
        leader="unit1",
        pid=1,
        is_long_running=False,
        started_at="2030-01-01T00:00:00.000Z",
        exclusive=False,
    )


class Watched:
    """StaleStateCleaner of one unit, and what they declared lost."""

    def __init__(self) -> None:
        self.registry = MemoryJobRegistry()
        self.lost: list[str] = []
        self.cleaner = StaleStateCleaner(self.registry, self._publish, unit="unit1")

    def _publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> None:
        assert (payload, qos, retain) == (b"lost", 1, True)
        self.lost.append(topic)

    def receive(self, payload: bytes, topic: str = STIRRING) -> None:
        self.cleaner.on_state(Message(topic, payload, 1, True))


@pytest.mark.parametrize("claim", [b"init", b"ready", b"sleeping"])
def test_a_stale_state_is_lost_at_the_second_check(claim: bytes) -> None:
    watched = Watched()
    watched.receive(claim)
    watched.cleaner.check()
    assert watched.lost == []
    watched.cleaner.check()
    assert watched.lost == [STIRRING]


@pytest.mark.parametrize("claim", [b"lost", b"disconnected", b""])
def test_states_of_ended_jobs_are_unchanged(claim: bytes) -> None:
    watched = Watched()
    watched.receive(claim)
    for _ in range(3):
        watched.cleaner.check()
    assert watched.lost == []


def test_running_and_ending_jobs_are_unchanged() -> None:
    watched = Watched()
    number = register(watched.registry)
    action = register(watched.registry, "sync")
    watched.receive(b"ready")
    watched.receive(b"ready", f"pioreactor/unit1/exp/sync/{action}/$state")
    for _ in range(3):
        watched.cleaner.check()
    watched.registry.finish(number, ended_at="2030-01-01T00:00:00.000Z")
    watched.cleaner.check()
    watched.receive(b"disconnected")
    watched.cleaner.check()
    assert watched.lost == []


def test_a_job_killed_during_an_outage_becomes_lost_afterwards(bench: Bench) -> None:
    def run() -> None:
        with Quiet("unit1", "simulation") as job:
            job.block_until_disconnected()

    bench.start(lambda: Monitor("unit1"))
    process = bench.unit.run(run, name="quiet")
    bench.wait(3.0)
    bench.simulation.broker.stop()
    process.kill()
    bench.wait(100.0)
    assert bench.retained("quiet/$state") == b"ready"
    bench.simulation.broker.start()
    bench.wait(2.0)
    assert bench.retained("quiet/$state") == b"lost"


@pytest.mark.parametrize("lie", [b"sleeping", b"disconnected", b"lost", b"init"])
def test_a_running_job_corrects_its_retained_state(bench: Bench, lie: bytes) -> None:
    bench.start(lambda: Quiet("unit1", "simulation"))
    bench.wait(3.0)
    bench.bus.publish("pioreactor/unit1/simulation/quiet/$state", lie, retain=True)
    bench.wait(2.0)
    assert bench.retained("quiet/$state") == b"ready"


def test_a_missing_retained_state_is_republished(bench: Bench) -> None:
    bench.start(lambda: Quiet("unit1", "simulation"))
    bench.wait(3.0)
    bench.simulation.broker._retained.clear()
    bench.wait(35.0)
    assert bench.retained("quiet/$state") == b"ready"


def test_a_confirmed_state_is_not_republished(bench: Bench) -> None:
    job = bench.start(lambda: Quiet("unit1", "simulation"))
    bench.wait(300.0)
    job.clean_up()
    assert bench.states("quiet") == ["init", "ready", "disconnected"]
