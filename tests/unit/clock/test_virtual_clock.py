"""Virtual time: order, waiting, tasks, and what cannot happen."""

from datetime import timedelta
from functools import partial

import pytest

from pioreactor.clock.virtual import NothingLeftToDoError, VirtualClock


def test_sleepers_wake_in_order_of_time_then_of_falling_asleep() -> None:
    clock = VirtualClock()
    woken: list[str] = []

    def sleeper(name: str, duration_s: float) -> None:
        clock.sleep(duration_s)
        woken.append(f"{name}@{clock.monotonic():g}")

    for name, duration_s in (("late", 5.0), ("first", 2.0), ("second", 2.0), ("at once", 0.0)):
        clock.spawn(partial(sleeper, name, duration_s), name=name)
    clock.sleep(10.0)
    assert woken == ["at once@0", "first@2", "second@2", "late@5"]


def test_a_sleep_without_rivals_keeps_the_order_of_those_with() -> None:
    """The jump without a switch must not overtake anybody who wakes at the same moment."""
    clock = VirtualClock()
    seen: list[tuple[float, str]] = []

    def ticker(name: str, period_s: float) -> None:
        for _ in range(12):
            clock.sleep(period_s)
            seen.append((clock.monotonic(), name))

    clock.spawn(lambda: ticker("a", 0.5), name="a")
    clock.spawn(lambda: ticker("b", 1.0), name="b")
    clock.sleep(20.0)
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)
    assert len(seen) == 24
    at_one = [name for at, name in seen if at == 1.0]
    assert at_one == ["b", "a"], "b fell asleep towards t = 1 before a did"


def test_main_code_resumes_at_the_moment_of_the_signal() -> None:
    """A task that sets a signal for main code continues only after main code has run."""
    clock = VirtualClock()
    signal = clock.signal()

    def setter() -> None:
        clock.sleep(10.0)
        signal.set()
        for _ in range(100):
            clock.sleep(1.0)

    clock.spawn(setter, name="setter")
    assert signal.wait(5000.0)
    assert clock.monotonic() == 10.0


def test_a_signal_that_was_set_and_cleared_has_still_been_set() -> None:
    """As with threads: the wait was over when it was set."""
    clock = VirtualClock()
    signal = clock.signal()
    answers: list[tuple[bool, float]] = []
    clock.spawn(lambda: answers.append((signal.wait(60.0), clock.monotonic())), name="waiter")
    clock.sleep(1.0)
    signal.set()
    signal.clear()
    clock.sleep(100.0)
    assert answers == [(True, 1.0)]


def test_a_wait_that_nobody_ends_gives_up_in_time() -> None:
    clock = VirtualClock()
    signal = clock.signal()
    assert not signal.wait(3.0)
    assert clock.monotonic() == 3.0
    assert not signal.wait(0.0)
    assert not signal.wait(-1.0)
    assert clock.monotonic() == 3.0


def test_waiting_for_what_can_never_happen_is_an_error_and_no_hang() -> None:
    clock = VirtualClock()
    with pytest.raises(NothingLeftToDoError):
        clock.signal().wait()


def test_join_waits_for_the_end_and_not_for_oneself() -> None:
    clock = VirtualClock()
    own_join: list[bool] = []
    tasks: list[object] = []

    def body() -> None:
        clock.sleep(2.0)
        own_join.append(tasks[0].join(1.0))  # type: ignore[attr-defined]

    task = clock.spawn(body, name="body")
    tasks.append(task)
    assert not task.join(1.0)
    assert task.is_alive()
    assert task.join()
    assert not task.is_alive()
    assert own_join == [False]
    assert clock.monotonic() == 2.0


def test_an_abandoned_task_runs_nothing_more() -> None:
    clock = VirtualClock()
    done: list[str] = []

    def body() -> None:
        try:
            clock.sleep(5.0)
            done.append("work")
        finally:
            done.append("finally")

    task = clock.spawn(body, name="killed")
    clock.sleep(1.0)
    task.abandon()
    clock.sleep(10.0)
    assert done == []
    assert not task.is_alive()


def test_the_wall_clock_may_step_and_durations_do_not_notice() -> None:
    clock = VirtualClock()
    before = clock.now()
    clock.step_wall_clock(-3600.0)
    clock.sleep(1.5)
    assert clock.monotonic() == 1.5
    assert clock.now() == before - timedelta(hours=1) + timedelta(seconds=1.5)


def test_an_error_beside_main_code_is_not_silent() -> None:
    clock = VirtualClock()

    def body() -> None:
        clock.sleep(1.0)
        raise ValueError("broken")

    task = clock.spawn(body, name="broken")
    with pytest.raises(ValueError, match="broken"):
        clock.sleep(5.0)
    assert not task.is_alive()
    clock.sleep(1.0)


def test_the_wall_clock_shows_a_step_at_the_moment_it_is_stepped() -> None:
    clock = VirtualClock()
    clock.sleep(10.0)
    before = clock.now()
    assert clock.now() == before, "no time has passed"
    clock.step_wall_clock(-3600.0)
    assert clock.now() - before == timedelta(hours=-1)
    clock.sleep(1.0)
    assert clock.now() - before == timedelta(hours=-1, seconds=1)
