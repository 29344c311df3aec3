"""The machine's clock, at its own speed and faster."""

import time
from datetime import UTC, datetime

import pytest

from pioreactor.clock.system import SystemClock


def test_moments_are_whole_milliseconds_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


def test_a_faster_clock_agrees_among_processes_that_share_its_origin() -> None:
    origin = (1_900_000_000.0, time.monotonic() - 1.0)
    one, other = SystemClock(speed=1000.0, origin=origin), SystemClock(speed=1000.0, origin=origin)
    first, second, third = one.monotonic(), other.monotonic(), one.monotonic()
    assert first <= second <= third
    assert first >= origin[1] + 1000.0
    assert one.now() >= datetime.fromtimestamp(1_900_001_000.0 - 1, UTC)


def test_waits_are_given_in_seconds_of_the_clock() -> None:
    clock = SystemClock(speed=10_000.0)
    began = clock.monotonic()
    clock.sleep(100.0)
    assert clock.monotonic() - began >= 100.0
    signal = clock.signal()
    assert not signal.wait(50.0)
    signal.set()
    assert signal.wait()
    clock.sleep(-1.0)


def test_tasks_end_and_can_be_waited_for() -> None:
    clock = SystemClock()
    gate = clock.signal()
    task = clock.spawn(lambda: gate.wait(), name="waiting")  # type: ignore[arg-type]
    assert task.name == "waiting"
    assert task.is_alive()
    assert not task.join(0.0)
    gate.set()
    assert task.join(10.0)
    assert not task.is_alive()


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_time_must_go_forwards(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        SystemClock(speed=speed)
