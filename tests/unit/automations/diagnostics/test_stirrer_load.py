"""Detection of an overfilling vial from the load of a simulated stirrer."""

import math
import random

import pytest

from pioreactor.automations.diagnostics.stirrer_load import StirrerLoad

SLOPE = 25.0


class Stirrer:
    """A stirrer at 500 rpm, read each 23 s, and a pump that adds 0.2 mL a minute."""

    def __init__(self, seed: int = 1, *, per_ml: float = 0.02) -> None:
        self.load = StirrerLoad()
        self.noise = random.Random(seed)
        self.per_ml = per_ml
        self.t_s = 0.0
        self.extra_ml = 0.0
        self.heavier = 0.0

    def run(self, minutes: float, *, fills: bool = False, ml_per_min: float = 0.2, ledger_ml: float = 14.0) -> None:
        for _ in range(round(minutes * 60 / 23)):
            self.t_s += 23.0
            added_ml = ml_per_min * 23 / 60
            self.load.add_liquid(added_ml)
            self.extra_ml += added_ml if fills else 0.0
            load = (1 + self.per_ml * (self.extra_ml + 4.0)) * (1 + self.heavier)
            rpm = 500.0 * math.exp(self.noise.gauss(0, 0.006))
            duty = 8.0 + rpm * load / SLOPE
            self.load.add_reading(self.t_s, duty_percent=duty, rpm=rpm, target_rpm=500.0, volume_ml=ledger_ml)

    @property
    def is_certain(self) -> bool:
        return self.load.excess is not None and self.load.excess.is_certain


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("per_ml", "latest_ml"), [(0.02, 2.6), (0.0125, 3.9), (0.03, 2.2)])
def test_an_overfilling_vial_is_detected_before_it_is_full(seed: int, per_ml: float, latest_ml: float) -> None:
    stirrer = Stirrer(seed, per_ml=per_ml)
    stirrer.run(60)
    assert not stirrer.is_certain
    while not stirrer.is_certain:
        stirrer.run(1, fills=True)
        assert stirrer.extra_ml < latest_ml
    assert stirrer.extra_ml > 1.0


def test_overfilling_from_the_first_dose_on_is_detected() -> None:
    stirrer = Stirrer()
    stirrer.run(3, ml_per_min=0.0)
    while not stirrer.is_certain:
        stirrer.run(1, fills=True)
        assert stirrer.extra_ml < 3.5


@pytest.mark.parametrize("seed", range(20))
def test_no_false_alarm_in_a_day(seed: int) -> None:
    stirrer = Stirrer(seed)
    for _ in range(24 * 12):
        stirrer.run(5)
        assert not stirrer.is_certain
        assert stirrer.load.excess is None or not stirrer.load.excess.is_likely


def test_a_step_of_the_load_is_not_overfilling() -> None:
    stirrer = Stirrer()
    stirrer.run(60)
    stirrer.heavier = 0.06
    for _ in range(60):
        stirrer.run(1)
        assert not stirrer.is_certain


def test_load_explained_by_volume_and_temperature_is_not_excess() -> None:
    stirrer = Stirrer()
    stirrer.run(60)
    stirrer.extra_ml, before_ml = 3.0, 14.0
    stirrer.run(30, ledger_ml=before_ml + 3.0)
    excess = stirrer.load.excess
    assert excess is not None and abs(excess.load) < 0.01

    measured = StirrerLoad()
    for number in range(200):
        celsius = 37.0 - 0.05 * number
        load = 1.0 - 0.003 * (celsius - 37.0)
        measured.add_liquid(0.05)
        measured.add_reading(
            23.0 * number, duty_percent=8 + 20 * load, rpm=500, target_rpm=500, volume_ml=14, celsius=celsius
        )
        assert measured.excess is None or not measured.excess.is_likely


def test_a_new_target_speed_resets_and_a_stalled_bar_is_ignored() -> None:
    stirrer = Stirrer()
    stirrer.run(60)
    stirrer.load.add_reading(stirrer.t_s + 23, duty_percent=40.0, rpm=0.0, target_rpm=500.0, volume_ml=14.0)
    assert stirrer.load.excess is not None
    stirrer.load.add_reading(stirrer.t_s + 46, duty_percent=40.0, rpm=700.0, target_rpm=700.0, volume_ml=14.0)
    assert stirrer.load.excess is None
