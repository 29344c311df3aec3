"""What a stirrer says about the volume of a vial: a vial that fills is told from one that does not."""

import math
import random

import pytest

from pioreactor.automations.diagnostics.overfill_monitor import OverfillMonitor

SLOPE = 25.0


class Bench:
    """A stirrer at 500 rpm, read each 23 s, and a pump that adds 0.2 mL a minute."""

    def __init__(self, seed: int = 1, *, per_ml: float = 0.02) -> None:
        self.watch = OverfillMonitor()
        self.noise = random.Random(seed)
        self.per_ml = per_ml
        self.t_s = 0.0
        self.extra_ml = 0.0
        self.heavier = 0.0

    def run(self, minutes: float, *, fills: bool = False, ml_per_min: float = 0.2, books_ml: float = 14.0) -> None:
        for _ in range(round(minutes * 60 / 23)):
            self.t_s += 23.0
            added_ml = ml_per_min * 23 / 60
            self.watch.added(added_ml)
            self.extra_ml += added_ml if fills else 0.0
            load = (1 + self.per_ml * (self.extra_ml + 4.0)) * (1 + self.heavier)
            rpm = 500.0 * math.exp(self.noise.gauss(0, 0.006))
            duty = 8.0 + rpm * load / SLOPE
            self.watch.reading(self.t_s, duty_percent=duty, rpm=rpm, target_rpm=500.0, volume_ml=books_ml)

    @property
    def is_sure(self) -> bool:
        return self.watch.excess is not None and self.watch.excess.is_sure


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("per_ml", "latest_ml"), [(0.02, 2.6), (0.0125, 3.9), (0.03, 2.2)])
def test_a_vial_that_fills_is_noticed_before_it_is_full(seed: int, per_ml: float, latest_ml: float) -> None:
    bench = Bench(seed, per_ml=per_ml)
    bench.run(60)
    assert not bench.is_sure
    while not bench.is_sure:
        bench.run(1, fills=True)
        assert bench.extra_ml < latest_ml
    assert bench.extra_ml > 1.0


def test_one_that_fills_from_the_first_dose_on_is_noticed_too() -> None:
    bench = Bench()
    bench.run(3, ml_per_min=0.0)
    while not bench.is_sure:
        bench.run(1, fills=True)
        assert bench.extra_ml < 3.5


@pytest.mark.parametrize("seed", range(20))
def test_a_day_in_which_nothing_happens_is_no_alarm(seed: int) -> None:
    bench = Bench(seed)
    for _ in range(24 * 12):
        bench.run(5)
        assert not bench.is_sure
        assert bench.watch.excess is None or not bench.watch.excess.is_doubtful


def test_what_jumps_is_no_filling_vial() -> None:
    bench = Bench()
    bench.run(60)
    bench.heavier = 0.06
    for _ in range(60):
        bench.run(1)
        assert not bench.is_sure


def test_what_the_books_and_the_warmth_explain_is_no_excess() -> None:
    bench = Bench()
    bench.run(60)
    bench.extra_ml, before_ml = 3.0, 14.0
    bench.run(30, books_ml=before_ml + 3.0)
    excess = bench.watch.excess
    assert excess is not None and abs(excess.load) < 0.01

    watch = OverfillMonitor()
    for number in range(200):
        celsius = 37.0 - 0.05 * number
        load = 1.0 - 0.003 * (celsius - 37.0)
        watch.added(0.05)
        watch.reading(23.0 * number, duty_percent=8 + 20 * load, rpm=500, target_rpm=500, volume_ml=14, celsius=celsius)
        assert watch.excess is None or not watch.excess.is_doubtful


def test_another_speed_begins_anew_and_a_stalled_bar_says_nothing() -> None:
    bench = Bench()
    bench.run(60)
    bench.watch.reading(bench.t_s + 23, duty_percent=40.0, rpm=0.0, target_rpm=500.0, volume_ml=14.0)
    assert bench.watch.excess is not None
    bench.watch.reading(bench.t_s + 46, duty_percent=40.0, rpm=700.0, target_rpm=700.0, volume_ml=14.0)
    assert bench.watch.excess is None
