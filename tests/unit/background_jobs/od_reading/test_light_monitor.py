"""Diagnoses of the light path: LED, reference, other light and readings that scatter."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from pioreactor.background_jobs.od_reading.light_monitor import LightMonitor
from pioreactor.background_jobs.od_reading.moved_vial import VIAL
from pioreactor.background_jobs.od_reading.reference_light import LIGHT_SOURCE, STRAY_LIGHT
from pioreactor.background_jobs.od_reading.scattered_readings import SCATTER

READING_S = 5.0


@dataclass
class Readings:
    """Readings each 5 s of a reference and one signal, with noise."""

    reference: Callable[[float], float] = lambda _hours: 0.1
    noise: Callable[[float], float] = lambda _hours: 0.006
    vial: Callable[[float], float] = lambda _hours: 1.0
    """Factor of the signal."""
    dose_at_h: float = math.inf
    """When 7 mL are added to 14 mL."""
    diagnoses: dict[str, str] = field(default_factory=dict)
    first_at_h: dict[str, float] = field(default_factory=dict)

    def run(self, hours: float) -> None:
        luck = random.Random(5)
        monitor = LightMonitor(self._report)
        for number in range(round(hours * 3600 / READING_S)):
            self.hours = number * READING_S / 3600
            reference = self.reference(self.hours) * (1 + 0.0015 * luck.gauss(0, 1))
            signal = 0.2 * math.exp(0.3 * self.hours) * (1 + self.noise(self.hours) * luck.gauss(0, 1))
            signal *= self.vial(self.hours) * reference / 0.1
            if self.hours - READING_S / 3600 < self.dose_at_h <= self.hours:
                monitor.add_dose(7.0, 21.0)
            monitor.update(number * READING_S, {"1": reference, "2": signal}, "1")

    def _report(self, name: str, sentence: str | None) -> None:
        if sentence is None:
            self.diagnoses.pop(name, None)
        else:
            self.diagnoses[name] = sentence
            self.first_at_h.setdefault(name, self.hours)


def test_nothing_is_said_while_the_vial_warms_up_and_the_room_cools() -> None:
    def reference(hours: float) -> float:
        warm = 15.0 * -math.expm1(-hours / 0.15) - (1.5 if hours > 3 else 0.0)
        return 0.1 * (1 - 0.005 * warm)

    readings = Readings(reference)
    readings.run(6.0)
    assert not readings.first_at_h


def test_a_weaker_led_is_found_within_ten_minutes_and_withdrawn_when_it_is_back() -> None:
    readings = Readings(lambda hours: 0.07 if 1.0 <= hours < 2.0 else 0.1)
    readings.run(3.0)
    assert list(readings.first_at_h) == [LIGHT_SOURCE]
    assert readings.first_at_h[LIGHT_SOURCE] - 1.0 < 1 / 6
    assert not readings.diagnoses


def test_other_light_is_told_from_a_weaker_led() -> None:
    readings = Readings(lambda hours: 0.1 if hours < 1.0 else 0.15)
    readings.run(2.0)
    assert list(readings.diagnoses) == [STRAY_LIGHT]
    assert "50 % more light" in readings.diagnoses[STRAY_LIGHT]


def test_a_reference_that_drifts_is_found() -> None:
    readings = Readings(lambda hours: 0.1 * math.exp(-0.05 * max(0.0, hours - 1.0)))
    readings.run(4.0)
    assert list(readings.diagnoses) == [LIGHT_SOURCE]
    assert readings.first_at_h[LIGHT_SOURCE] < 2.2


def test_readings_that_scatter_more_than_before_are_reported_until_they_do_not() -> None:
    readings = Readings(noise=lambda hours: 0.06 if 2.0 <= hours < 2.5 else 0.006)
    readings.run(3.0)
    assert list(readings.first_at_h) == [SCATTER]
    assert readings.first_at_h[SCATTER] - 2.0 < 1 / 6
    assert not readings.diagnoses


def test_readings_that_always_scattered_are_not_reported() -> None:
    readings = Readings(noise=lambda _hours: 0.04)
    readings.run(6.0)
    assert not readings.first_at_h


def test_dark_readings_are_no_reason_to_fail() -> None:
    said: list[str] = []
    monitor = LightMonitor(lambda name, _sentence: said.append(name))
    for number in range(1000):
        monitor.update(number * READING_S, {"1": 0.0, "2": -0.001}, "1")
        monitor.update(number * READING_S, {}, None)
    assert not said


def test_a_vial_that_was_moved_is_found_at_once_for_an_hour() -> None:
    readings = Readings(vial=lambda hours: 0.6 if hours >= 1.0 else 1.0)
    readings.run(1.9)
    assert list(readings.diagnoses) == [VIAL]
    assert "-40 %" in readings.diagnoses[VIAL]
    assert readings.first_at_h[VIAL] - 1.0 < 0.03
    readings.run(2.2)
    assert not readings.diagnoses


def test_a_vial_that_is_not_there_is_told() -> None:
    readings = Readings(vial=lambda hours: 1e-3 if hours >= 1.0 else 1.0)
    readings.run(1.5)
    assert "not in the unit" in readings.diagnoses[VIAL]


def test_a_large_dose_is_no_moved_vial() -> None:
    readings = Readings(vial=lambda hours: 2 / 3 if hours >= 1.0 else 1.0, dose_at_h=1.0)
    readings.run(2.0)
    assert not readings.first_at_h


def test_a_large_dose_that_is_missing_is_no_moved_vial() -> None:
    readings = Readings(dose_at_h=1.0)
    readings.run(2.0)
    assert not readings.first_at_h


def test_readings_that_are_far_apart_are_not_compared() -> None:
    said: list[str] = []
    monitor = LightMonitor(lambda name, _sentence: said.append(name))
    for number in range(300):
        hours = number / 6
        grown = 0.02 * math.exp(min(hours, 10.0) * (0.05 if hours < 3 else 0.5))
        monitor.update(600.0 * number, {"1": 0.1 * (1 + 0.05 * math.sin(hours / 4)), "2": grown}, "1")
    assert not said


def test_a_vial_may_be_changed_in_a_pause() -> None:
    said: list[str] = []
    monitor = LightMonitor(lambda name, _sentence: said.append(name))
    for number in range(400):
        pause_s = 600.0 if number >= 200 else 0.0
        monitor.update(READING_S * number + pause_s, {"1": 0.1, "2": 0.05 if pause_s else 0.3}, "1")
    assert not said
