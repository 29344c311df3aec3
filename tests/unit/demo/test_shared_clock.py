"""The time of a demo cluster continues from one start to the next, whatever ended the one before."""

from pathlib import Path

import pytest
from tests.unit.fake_time import FakeTime

from pioreactor.demo import shared_clock
from pioreactor.demo.shared_clock import RESERVE_S, SharedClock


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    clock = FakeTime(epoch_s=1.7e9)
    monkeypatch.setattr(shared_clock, "time", clock)
    return clock


def origin(clock: SharedClock) -> float:
    return float(clock.variables()["PIOREACTOR_CLOCK_ORIGIN"].split(",")[0])


@pytest.mark.parametrize("unsaved_s", [0.0, 0.5, RESERVE_S])
def test_after_a_power_cut_time_is_later_than_any_record(tmp_path: Path, seconds: FakeTime, unsaved_s: float) -> None:
    first = SharedClock(tmp_path / "clock", speed=10)
    started = origin(first)
    seconds.now = 60.0
    first.save_ahead()
    seconds.now += unsaved_s
    recorded_last = started + seconds.now * 10
    assert origin(SharedClock(tmp_path / "clock", speed=10)) >= recorded_last


def test_the_file_is_written_only_when_half_of_the_reserve_is_used(
    tmp_path: Path, seconds: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[float] = []

    def write(path: Path, text: str) -> None:
        written.append(seconds.now)
        path.write_text(text)

    monkeypatch.setattr(shared_clock, "write_atomically", write)
    clock = SharedClock(tmp_path / "clock", speed=10)
    for _ in range(120):
        clock.save_ahead()
        assert float((tmp_path / "clock").read_text()) >= origin(clock) + (seconds.now + RESERVE_S / 2) * 10
        seconds.now += 0.5
    assert 10 <= len(written) <= 13


def test_after_a_stop_time_continues_where_it_was(tmp_path: Path, seconds: FakeTime) -> None:
    first = SharedClock(tmp_path / "clock", speed=10)
    seconds.now = 60.0
    first.save_ahead()
    first.save()
    assert origin(SharedClock(tmp_path / "clock", speed=10)) == origin(first) + 600.0


def test_a_clock_of_real_time_is_the_computers_own(tmp_path: Path, seconds: FakeTime) -> None:
    first = SharedClock(tmp_path / "clock", speed=1)
    first.save_ahead()
    assert SharedClock(tmp_path / "clock", speed=1).is_system_clock
    seconds.now = -30.0  # set back meanwhile
    assert not SharedClock(tmp_path / "clock", speed=1).is_system_clock


def test_a_full_disk_ends_nothing_and_the_time_kept_last_stands(tmp_path: Path, seconds: FakeTime) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    clock = SharedClock(folder / "clock", speed=10)
    clock.save()
    folder.rename(tmp_path / "moved")  # nothing can be written there any more
    seconds.now = 60.0
    clock.save_ahead()
    clock.save()
    assert origin(SharedClock(tmp_path / "moved" / "clock", speed=10)) == seconds.time()
