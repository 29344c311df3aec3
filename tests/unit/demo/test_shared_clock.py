"""The time of a demo cluster continues from one start to the next, whatever ended the one before."""

from pathlib import Path

import pytest

from pioreactor.demo import shared_clock
from pioreactor.demo.shared_clock import RESERVE_S, SharedClock


class Seconds:
    """A computer's clock that a test sets."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def time(self) -> float:
        return 1.7e9 + self.elapsed_s

    def monotonic(self) -> float:
        return self.elapsed_s


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr(shared_clock, "time", clock)
    return clock


def origin(clock: SharedClock) -> float:
    return float(clock.variables()["PIOREACTOR_CLOCK_ORIGIN"].split(",")[0])


@pytest.mark.parametrize("unsaved_s", [0.0, 0.5, RESERVE_S])
def test_after_a_power_cut_time_is_later_than_any_record(tmp_path: Path, seconds: Seconds, unsaved_s: float) -> None:
    first = SharedClock(tmp_path / "clock", speed=10)
    started = origin(first)
    seconds.elapsed_s = 60.0
    first.save_ahead()
    seconds.elapsed_s += unsaved_s
    recorded_last = started + seconds.elapsed_s * 10
    assert origin(SharedClock(tmp_path / "clock", speed=10)) >= recorded_last


def test_after_a_stop_time_continues_where_it_was(tmp_path: Path, seconds: Seconds) -> None:
    first = SharedClock(tmp_path / "clock", speed=10)
    seconds.elapsed_s = 60.0
    first.save_ahead()
    first.save()
    assert origin(SharedClock(tmp_path / "clock", speed=10)) == origin(first) + 600.0


def test_a_clock_of_real_time_is_the_computers_own(tmp_path: Path, seconds: Seconds) -> None:
    first = SharedClock(tmp_path / "clock", speed=1)
    first.save_ahead()
    assert SharedClock(tmp_path / "clock", speed=1).is_system_clock
    seconds.elapsed_s = -30.0  # set back meanwhile
    assert not SharedClock(tmp_path / "clock", speed=1).is_system_clock


def test_a_full_disk_ends_nothing_and_the_time_kept_last_stands(tmp_path: Path, seconds: Seconds) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    clock = SharedClock(folder / "clock", speed=10)
    clock.save()
    folder.rename(tmp_path / "moved")  # nothing can be written there any more
    seconds.elapsed_s = 60.0
    clock.save_ahead()
    clock.save()
    assert origin(SharedClock(tmp_path / "moved" / "clock", speed=10)) == seconds.time()
