"""States that the broker keeps are taken back when nobody lives behind them, and put right when somebody does."""

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
def test_who_claims_to_live_and_does_not_is_lost_at_the_second_look(claim: bytes) -> None:
    watched = Watched()
    watched.receive(claim)
    watched.cleaner.check()
    assert watched.lost == []
    watched.cleaner.check()
    assert watched.lost == [STIRRING]


@pytest.mark.parametrize("claim", [b"lost", b"disconnected", b""])
def test_who_claims_nothing_is_left_alone(claim: bytes) -> None:
    watched = Watched()
    watched.receive(claim)
    for _ in range(3):
        watched.cleaner.check()
    assert watched.lost == []


def test_the_living_and_those_that_say_goodbye_in_between_are_left_alone() -> None:
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


def test_a_job_killed_while_the_broker_was_away_is_declared_lost_when_it_is_back(bench: Bench) -> None:
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
def test_a_living_job_puts_right_what_others_say_of_it(bench: Bench, lie: bytes) -> None:
    bench.start(lambda: Quiet("unit1", "simulation"))
    bench.wait(3.0)
    bench.bus.publish("pioreactor/unit1/simulation/quiet/$state", lie, retain=True)
    bench.wait(2.0)
    assert bench.retained("quiet/$state") == b"ready"


def test_a_broker_that_forgot_is_told_though_nobody_noticed(bench: Bench) -> None:
    bench.start(lambda: Quiet("unit1", "simulation"))
    bench.wait(3.0)
    bench.simulation.broker._retained.clear()
    bench.wait(35.0)
    assert bench.retained("quiet/$state") == b"ready"


def test_a_state_that_is_known_is_not_said_again(bench: Bench) -> None:
    job = bench.start(lambda: Quiet("unit1", "simulation"))
    bench.wait(300.0)
    job.clean_up()
    assert bench.states("quiet") == ["init", "ready", "disconnected"]
