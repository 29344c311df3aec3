"""Sequential test of whether doses arrive."""

from __future__ import annotations

import random

from pioreactor.automations.diagnostics.dilution_statistics import DilutionStatistics, Verdict
from pioreactor.automations.diagnostics.dose_effect import DoseEffect
from pioreactor.automations.diagnostics.missing_doses import MissingDoses


def effect(part: float, *, level: float = 0.0, sd: float = 0.3) -> DoseEffect:
    return DoseEffect(0.015, 0.015 * part, 0.015 * sd, level, 0.015 * sd)


def usual(missing: MissingDoses, luck: random.Random, count: int, scatter: float = 0.2) -> None:
    for _ in range(count):
        missing.add(effect(luck.gauss(1.2, scatter)))


def test_three_missing_doses_are_enough() -> None:
    luck = random.Random(1)
    missing = MissingDoses()
    usual(missing, luck, 20)
    for _ in range(2):
        missing.add(effect(luck.gauss(0.0, 0.2)))
        assert not missing.is_certain
    missing.add(effect(luck.gauss(0.0, 0.2)))
    assert missing.is_certain
    missing.reset()
    assert not missing.is_certain


def test_thousands_of_usual_doses_are_never_missing() -> None:
    luck = random.Random(2)
    missing = MissingDoses()
    for _ in range(20_000):
        missing.add(effect(luck.gauss(1.2, 0.3)))
        assert not missing.is_certain


def test_a_weaker_pump_is_no_missing_dose() -> None:
    luck = random.Random(3)
    missing = MissingDoses()
    usual(missing, luck, 30)
    for _ in range(500):
        missing.add(effect(luck.gauss(0.9, 0.2)))
        assert not missing.is_certain


def test_doses_that_scatter_as_much_as_their_effect_are_not_judged() -> None:
    luck = random.Random(4)
    missing = MissingDoses()
    usual(missing, luck, 30, scatter=0.8)
    for _ in range(30):
        missing.add(effect(0.0))
        assert not missing.is_certain


def test_another_density_begins_anew() -> None:
    missing = MissingDoses()
    usual(missing, random.Random(5), 30)
    for _ in range(9):
        missing.add(effect(0.0, level=1.0))
    assert not missing.is_certain


def test_doses_in_quick_succession_are_judged_together() -> None:
    """A turbidostat whose bottle is empty doses each 25 s, with two readings in between."""
    luck = random.Random(6)
    statistics = DilutionStatistics()
    level, now_s = 0.0, 0.0

    def read_for(duration_s: float) -> None:
        nonlocal now_s
        for _ in range(round(duration_s / 5.0)):
            now_s += 5.0
            statistics.add_reading(now_s, 2.718281828 ** (level + luck.gauss(0.0, 0.002)))

    read_for(60.0)
    for _ in range(30):
        statistics.start_dose(now_s)
        level -= 0.015
        statistics.end_dose(now_s, now_s, 0.015)
        read_for(90.0)
        level += 0.015
        read_for(30.0)
    for _ in range(6):
        statistics.start_dose(now_s)
        if statistics.verdict is Verdict.NO_EFFECT:
            break
        statistics.end_dose(now_s, now_s, 0.015)
        read_for(25.0)
    assert statistics.verdict is Verdict.NO_EFFECT
