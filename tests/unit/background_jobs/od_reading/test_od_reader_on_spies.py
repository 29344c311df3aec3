"""OD reading on test doubles, with levels that a test sets sample by sample."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from pioreactor import topics
from pioreactor.background_jobs.dosing_automation import start_dosing_automation
from pioreactor.background_jobs.od_reading import ODReader, start_od_reading
from pioreactor.background_jobs.od_reading.photodiode_sampling import PhotodiodeArray
from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.spy_rig import SpyPhotodiode, SpyRig
from pioreactor.exc import HardwareError
from pioreactor.testing.simulation import EXPERIMENT, Bench


@dataclass
class Spied:
    """A bench whose reactor is made of doubles. The photodiodes show `reference` and `signal` [V] while A is lit."""

    bench: Bench
    rig: SpyRig
    reference: float = 0.2
    signal: float = 0.05
    dark: float = 0.0

    def __post_init__(self) -> None:
        self.rig.photodiode("1").will_read(lambda: self.dark + (self.reference if self.is_lit else 0.0))
        self.rig.photodiode("2").will_read(lambda: self.dark + (self.signal if self.is_lit else 0.0))

    @property
    def is_lit(self) -> bool:
        return self.rig.leds().intensities.get("A", 0.0) > 0

    def start(self, *, interval: float | None = 5.0) -> ODReader:
        unit = replace(self.bench.unit, runtime=replace(self.bench.unit.runtime, open_rig=lambda: self.rig))
        return self.bench.start(lambda: start_od_reading(interval=interval), on=unit)

    def ods(self) -> list[float]:
        return [reading["od"] for reading in self.bench.decoded("od_reading/od2")]


@pytest.fixture
def spied(bench: Bench) -> Spied:
    return Spied(bench, SpyRig(ownership=bench.unit.runtime.ownership, gates=bench.simulation.clock.signal))


def test_the_signal_is_divided_by_the_relative_reference(spied: Spied) -> None:
    spied.start()
    spied.bench.wait(2.0)
    spied.reference, spied.signal = 0.1, 0.025
    spied.bench.wait(120.0)
    assert spied.ods()[0] == pytest.approx(0.05)
    assert spied.ods()[-1] == pytest.approx(0.05)


def test_a_dark_offset_is_subtracted_without_a_bias_near_nothing(spied: Spied) -> None:
    spied.dark, spied.signal = 0.0123, 0.0
    spied.start()
    flicker = itertools.cycle([0.001, -0.001])
    spied.bench.wait(0.05)
    spied.rig.photodiode("2").will_read(lambda: spied.dark + next(flicker))
    spied.bench.wait(40.0)
    assert spied.ods()[1:] == pytest.approx([0.0] * len(spied.ods()[1:]), abs=1e-4)


def test_a_level_below_the_dark_stays_negative(spied: Spied) -> None:
    spied.dark, spied.signal = 0.01, -0.002
    spied.start()
    spied.bench.wait(6.5)
    assert spied.ods() == pytest.approx([-0.002, -0.002])


def test_a_noisy_reference_pauses_dosing_once_and_a_single_spike_never(spied: Spied) -> None:
    pause = topics.set_setting("unit1", EXPERIMENT, "dosing_automation", "state")

    def pauses() -> list[bytes]:
        return [message.payload for message in spied.bench.messages if message.topic == pause]

    spied.start()
    spied.bench.wait(21.5)
    spied.reference = 0.3
    spied.bench.wait(5.0)
    spied.reference = 0.2
    spied.bench.wait(60.0)
    assert pauses() == []
    for level in [0.3, 0.15, 0.42, 0.09, 0.25, 0.13, 0.36, 0.2, 0.29, 0.11]:
        spied.reference = level
        spied.bench.wait(5.0)
    assert pauses() == [b"sleeping"]
    spied.reference = 0.2
    spied.bench.wait(70.0)
    assert pauses() == [b"sleeping"]
    assert any("quiet again" in line for line in spied.bench.logged())


NOISE = [0.3, 0.15, 0.42, 0.09, 0.25, 0.13, 0.36, 0.2, 0.29, 0.11]


def make_noise(spied: Spied) -> None:
    for level in NOISE:
        spied.reference = level
        spied.bench.wait(5.0)
    spied.reference = 0.2


def start_dosing(spied: Spied) -> None:
    spied.bench.start(lambda: start_dosing_automation("silent"))
    spied.bench.wait(1.0)


def dosing_state(spied: Spied) -> bytes | None:
    return spied.bench.retained("dosing_automation/$state")


def test_dosing_resumes_when_the_reference_is_quiet_again(spied: Spied) -> None:
    start_dosing(spied)
    spied.start()
    spied.bench.wait(51.5)
    make_noise(spied)
    assert dosing_state(spied) == b"sleeping"
    spied.bench.wait(30.0)
    assert dosing_state(spied) == b"sleeping"
    spied.bench.wait(40.0)
    assert dosing_state(spied) == b"ready"
    assert any("dosing resumes" in line for line in spied.bench.logged("notice"))


def test_dosing_that_a_person_paused_stays_paused(spied: Spied) -> None:
    start_dosing(spied)
    spied.start()
    spied.bench.wait(21.5)
    spied.bench.set("dosing_automation", "$state", "sleeping")
    spied.bench.wait(30.0)
    make_noise(spied)
    spied.bench.wait(120.0)
    assert dosing_state(spied) == b"sleeping"
    spied.bench.set("dosing_automation", "$state", "ready")
    spied.bench.wait(30.0)
    make_noise(spied)
    spied.bench.set_on_all("dosing_automation", "$state", "sleeping")
    spied.bench.wait(120.0)
    assert dosing_state(spied) == b"sleeping"


def test_a_person_resumes_dosing_in_spite_of_noise(spied: Spied) -> None:
    start_dosing(spied)
    spied.start()
    spied.bench.wait(51.5)
    make_noise(spied)
    spied.bench.set("dosing_automation", "$state", "ready")
    make_noise(spied)
    assert dosing_state(spied) == b"ready"


def test_dosing_that_starts_while_the_reference_is_noisy_waits(spied: Spied) -> None:
    spied.start()
    spied.bench.wait(51.5)
    make_noise(spied)
    start_dosing(spied)
    assert dosing_state(spied) == b"sleeping"
    spied.bench.wait(70.0)
    assert dosing_state(spied) == b"ready"


def test_the_end_of_od_reading_logs_that_dosing_stays_paused(spied: Spied) -> None:
    start_dosing(spied)
    job = spied.start()
    spied.bench.wait(51.5)
    make_noise(spied)
    job.clean_up()
    spied.bench.wait(5.0)
    assert dosing_state(spied) == b"sleeping"
    assert any("Dosing stays paused" in line for line in spied.bench.logged("warning"))


def test_a_reference_that_is_dark_is_refused_at_the_start_and_survived_later(spied: Spied) -> None:
    spied.reference = 0.0
    with pytest.raises(HardwareError, match="reference photodiode"):
        spied.start()
    assert not spied.is_lit
    spied.reference = 0.2
    reader = spied.start()
    spied.bench.wait(6.5)
    spied.reference = 0.0
    spied.bench.wait(10.0)
    assert len(spied.ods()) == 2
    spied.reference = 0.2
    spied.bench.wait(10.0)
    assert len(spied.ods()) >= 3
    assert reader.state == "ready"


def test_much_light_warns_and_too_much_stops(spied: Spied) -> None:
    reader = spied.start()
    spied.bench.wait(2.0)
    spied.signal = 3.1
    spied.bench.wait(10.0)
    assert reader.state == "ready"
    assert any("near the limit" in line for line in spied.bench.logged("warning"))
    spied.signal = 3.3
    spied.bench.wait(6.0)
    assert reader.state == "disconnected"
    assert not spied.is_lit


def test_gains_follow_the_level_at_the_input(spied: Spied) -> None:
    spied.start()
    spied.bench.wait(2.0)
    spied.signal = 1.5
    spied.bench.wait(10.0)
    assert spied.rig.photodiode("2").fitted[-1] == pytest.approx(1.5, rel=0.01)
    before = len(spied.rig.photodiode("2").fitted)
    spied.signal = 0.01
    spied.bench.wait(20.0)
    assert spied.rig.photodiode("2").fitted[-1] == pytest.approx(0.01, rel=0.05)
    assert len(spied.rig.photodiode("2").fitted) > before


def test_a_slow_converter_gives_fewer_samples_not_a_longer_reading() -> None:
    clock = VirtualClock()

    def slowly() -> Iterator[float]:
        while True:
            clock.sleep(0.03)
            yield 1.0

    answers: Callable[[], float] = slowly().__next__
    diode = SpyPhotodiode(answers, converter="ADS1115", gate=None)
    array = PhotodiodeArray({"1": diode}, clock, mains_hz=None, should_continue=lambda: True)
    start_s = clock.monotonic()
    levels = array.read()
    assert levels.volts["1"] == pytest.approx(1.0)
    assert clock.monotonic() - start_s <= 0.95
    assert 20 <= diode.reads <= 32
