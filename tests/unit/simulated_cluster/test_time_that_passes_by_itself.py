"""A cluster whose time passes by itself: requests wait for it, and do not push it."""

import threading
from datetime import UTC, datetime

from pioreactor.exc import StoppedError
from pioreactor.simulated_cluster.simulated_cluster import SimulatedCluster

START = datetime(2030, 1, 1, tzinfo=UTC)


def test_who_waits_waits_for_the_pace() -> None:
    cluster = SimulatedCluster(reactors=1, scenario="ecoli_turbidostat", seed=1, experiment="e", start=START)
    try:
        cluster.let_pass(1.0)
        before_s = cluster.monotonic()
        waiting = threading.Thread(target=lambda: cluster.sleep(30.0))
        waiting.start()
        while not cluster._thread._calls.empty():
            pass
        assert cluster.monotonic() == before_s
        assert waiting.is_alive()
        while waiting.is_alive():
            cluster.let_pass(1.0)
        assert cluster.monotonic() - before_s >= 30.0
    finally:
        cluster.close()


def test_who_still_waits_is_told_when_the_simulation_ends() -> None:
    cluster = SimulatedCluster(reactors=1, scenario="ecoli_turbidostat", seed=1, experiment="e", start=START)
    told: list[str] = []

    def wait() -> None:
        try:
            cluster.sleep(3600.0)
        except StoppedError as error:
            told.append(str(error))

    cluster.let_pass(1.0)
    waiting = threading.Thread(target=wait)
    waiting.start()
    while not cluster._thread._waiting:
        pass
    cluster.close()
    waiting.join(10.0)
    assert told == ["the simulation has ended"]
