"""A lane: one thing after another, timers on their grid, and stops that overtake."""

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.exc import StoppedError
from pioreactor.runtime.lane import Lane, PausedError, current_lane


def make_lane(clock: VirtualClock, **options: object) -> tuple[Lane, list[str]]:
    ended: list[str] = []
    lane = Lane(clock, "lane", **options)  # type: ignore[arg-type]
    lane.start(lambda: ended.append(f"ended@{clock.monotonic():g}"))
    return lane, ended


def test_what_is_posted_runs_in_order_and_never_overlaps() -> None:
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    seen: list[str] = []

    def slow(name: str) -> None:
        seen.append(f"{name} begins")
        lane.sleep(2.0)
        seen.append(f"{name} ends")

    lane.post(lambda: slow("a"))
    lane.post(lambda: slow("b"))
    clock.sleep(10.0)
    assert seen == ["a begins", "a ends", "b begins", "b ends"]
    lane.request_stop()
    clock.sleep(0.0)


def test_timers_fire_on_their_grid_and_skip_what_they_missed() -> None:
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    fired: list[float] = []

    def tick() -> None:
        fired.append(clock.monotonic())
        if len(fired) == 2:
            lane.sleep(2.5)

    lane.every(1.0, tick)
    clock.sleep(7.5)
    assert fired == [1.0, 2.0, 5.0, 6.0, 7.0]


def test_a_timer_that_others_held_up_fires_once_late_and_goes_back_to_its_grid() -> None:
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    fired: list[float] = []
    lane.every(1.0, lambda: fired.append(clock.monotonic()), first_after_s=0.5)
    clock.sleep(0.1)
    lane.post(lambda: lane.sleep(3.0))
    clock.sleep(5.0)
    assert fired == [3.1, 3.5, 4.5]


def test_timers_do_not_drift_over_a_million_ticks_worth_of_time() -> None:
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    fired: list[float] = []
    lane.every(0.1, lambda: fired.append(clock.monotonic()))
    clock.sleep(1000.05)
    assert len(fired) == 10_000
    assert fired[-1] == pytest.approx(1000.0, abs=1e-6)


def test_a_canceled_timer_is_silent_even_when_it_cancels_itself() -> None:
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    fired: list[float] = []

    def once() -> None:
        fired.append(clock.monotonic())
        timer.cancel()

    timer = lane.every(1.0, once)
    other = lane.later(2.0, lambda: fired.append(-1.0))
    other.cancel()
    clock.sleep(10.0)
    assert fired == [1.0]


def test_a_busy_timer_does_not_keep_messages_waiting_for_ever() -> None:
    """A plugin's timer may take longer than its interval; the job must still handle messages."""
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    handled_at_s: list[float] = []
    lane.every(1.0, lambda: clock.sleep(1.5))
    lane.every(0.5, lambda: clock.sleep(0.7))
    clock.sleep(3.0)
    lane.post(lambda: handled_at_s.append(clock.monotonic()))
    clock.sleep(10.0)
    assert handled_at_s
    assert handled_at_s[0] <= 6.0


@pytest.mark.parametrize("interval_s", [0.0, -1.0, float("nan")])
def test_an_interval_must_be_above_zero(interval_s: float) -> None:
    lane = Lane(VirtualClock(), "lane")
    with pytest.raises(ValueError, match="above 0"):
        lane.every(interval_s, lambda: None)


def test_a_stop_interrupts_a_wait_and_drops_what_is_queued() -> None:
    clock = VirtualClock()
    lane, ended = make_lane(clock)
    seen: list[str] = []

    def long() -> None:
        try:
            lane.sleep(1000.0)
        finally:
            seen.append(f"off@{clock.monotonic():g}")

    lane.post(long)
    lane.post(lambda: seen.append("never"))
    clock.sleep(5.0)
    lane.request_stop()
    clock.sleep(0.0)
    assert seen == ["off@5"]
    assert ended == ["ended@5"]
    with pytest.raises(StoppedError):
        lane.sleep(1.0)


def test_a_pause_interrupts_only_waits_that_allow_it() -> None:
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    seen: list[str] = []

    def work() -> None:
        lane.sleep(10.0)
        seen.append(f"whole wait@{clock.monotonic():g}")
        try:
            lane.sleep(10.0, pausable=True)
        except PausedError:
            seen.append(f"paused@{clock.monotonic():g}")

    lane.post(work)
    clock.sleep(3.0)
    lane.request_pause()
    clock.sleep(30.0)
    assert seen == ["whole wait@10", "paused@10"]


def test_a_pause_that_ends_at_once_does_not_shorten_a_wait() -> None:
    """Sleeping then ready within one moment: the wait lasts its whole length."""
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    seen: list[float] = []

    def work() -> None:
        lane.sleep(10.0)
        seen.append(clock.monotonic())

    lane.post(work)
    clock.sleep(3.0)
    lane.request_pause()
    lane.end_pause()
    clock.sleep(30.0)
    assert seen == [10.0]


def test_errors_are_told_and_survived() -> None:
    clock = VirtualClock()
    told: list[str] = []
    lane, ended = make_lane(clock, on_error=lambda error: told.append(str(error)))
    seen: list[int] = []

    def broken() -> None:
        raise ValueError("broken")

    lane.every(1.0, broken)
    lane.post(broken)
    lane.post(lambda: seen.append(1))
    clock.sleep(2.5)
    assert told == ["broken"] * 3
    assert seen == [1]
    assert ended == []


def test_an_error_after_a_turn_does_not_end_the_lane() -> None:
    """A full disk shows when a turn's publications are stored; jobs must outlive it."""
    clock = VirtualClock()
    told: list[str] = []

    def store() -> None:
        raise OSError("disk full")

    lane, ended = make_lane(clock, after_turn=store, on_error=lambda error: told.append(str(error)))
    seen: list[int] = []
    lane.post(lambda: seen.append(1))
    lane.post(lambda: seen.append(2))
    clock.sleep(1.0)
    assert seen == [1, 2]
    assert told == ["disk full"] * 2
    assert ended == []


def test_call_gives_the_caller_the_error_and_runs_at_once_on_the_lane_itself() -> None:
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    seen: list[object] = []

    def broken() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        lane.call(broken)
    lane.call(lambda: seen.append(current_lane()))
    lane.call(lambda: lane.call(lambda: seen.append("nested")))
    assert seen == [lane, "nested"]
    assert not lane.is_current()


def test_call_on_a_lane_that_is_stopped_returns() -> None:
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    lane.request_stop()
    clock.sleep(0.0)
    seen: list[int] = []
    lane.call(lambda: seen.append(1))
    assert seen == [1], "a lane that does not run leaves the work to its caller"


@pytest.mark.parametrize("pausable", [False, True])
def test_what_is_posted_for_waits_runs_within_one_that_lasts_as_long_as_asked(pausable: bool) -> None:
    clock = VirtualClock()
    reported: list[Exception] = []
    lane, _ = make_lane(clock, on_error=reported.append)
    seen: list[str] = []

    def note(what: str) -> None:
        seen.append(f"{what}@{clock.monotonic():g}")

    def wait() -> None:
        lane.sleep(10.0, pausable=pausable)
        note("waited")

    def fail() -> None:
        note("fails")
        raise ValueError("a bad value")

    lane.post(wait)
    clock.sleep(1.0)
    assert lane.is_sleeping
    lane.post(lambda: note("queued"))
    lane.post_for_waits(fail)
    lane.post_for_waits(lambda: note("in the wait"))
    clock.sleep(20.0)
    assert seen == ["fails@1", "in the wait@1", "waited@10", "queued@10"]
    assert [str(error) for error in reported] == ["a bad value"]
    assert not lane.is_sleeping


def test_what_is_posted_for_waits_runs_without_one_too() -> None:
    clock = VirtualClock()
    lane, _ = make_lane(clock)
    seen: list[float] = []
    lane.post_for_waits(lambda: seen.append(clock.monotonic()))
    clock.sleep(1.0)
    lane.post(lambda: lane.sleep(2.0))
    clock.sleep(0.5)
    assert seen == [0.0]
    lane.request_stop()
    clock.sleep(0.0)
    assert lane.task is not None
    assert not lane.task.is_alive()
