"""Detection of doses without effect, on simulated readings."""

import math
import random
from dataclasses import dataclass, field

import pytest

from pioreactor.automations.diagnostics.dilution_statistics import DilutionStatistics, Verdict


@dataclass
class Vial:
    """A growing culture with a noisy reading every 5 s, and doses."""

    statistics: DilutionStatistics = field(default_factory=DilutionStatistics)
    growth_per_h: float = 0.8
    noise: float = 0.006
    bubbles: float = 0.0
    level: float = 0.0
    misled_by_per_h: float = 0.0
    """How much faster than the culture the estimated growth rate is."""
    now_s: float = 0.0
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    def wait(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s += 5.0
            self.level += self.growth_per_h * 5.0 / 3600.0
            noise = self.noise * self.rng.gauss(0.0, 1.0)
            bubble = self.rng.expovariate(5.0) if self.rng.random() < self.bubbles else 0.0
            self.statistics.add_growth_rate(self.now_s, self.growth_per_h + self.misled_by_per_h)
            self.statistics.add_reading(self.now_s, math.exp(self.level + noise + bubble))

    def dose(self, fall: float, effect: float, *, every_s: float = 80.0) -> None:
        self.statistics.start_dose(self.now_s)
        self.level -= effect * fall
        self.statistics.end_dose(self.now_s, self.now_s + 3.0, fall)
        self.wait(every_s)

    def doses(self, count: int, fall: float, effect: float) -> list[Verdict]:
        verdicts = []
        for _ in range(count):
            self.dose(fall, effect)
            verdicts.append(self.statistics.verdict)
        return verdicts


@pytest.mark.parametrize(("noise", "bubbles"), [(0.006, 0.0), (0.03, 0.0), (0.006, 0.03), (0.03, 0.03)])
@pytest.mark.parametrize("effect", [0.8, 1.2])
def test_effective_doses_are_never_reported_missing(noise: float, bubbles: float, effect: float) -> None:
    vial = Vial(noise=noise, bubbles=bubbles)
    vial.wait(60.0)
    verdicts = vial.doses(400, 0.017, effect)
    assert verdicts[-1] is Verdict.FINE
    assert not {Verdict.NO_EFFECT, Verdict.NEVER_SEEN} & set(verdicts)


@pytest.mark.parametrize(("noise", "most"), [(0.006, 6), (0.03, 20)])
def test_doses_that_stop_diluting_are_detected(noise: float, most: int) -> None:
    vial = Vial(noise=noise)
    vial.wait(60.0)
    vial.doses(100, 0.02, 1.0)
    first: Verdict = vial.statistics.verdict
    assert first is Verdict.FINE
    verdicts = vial.doses(most, 0.06, 0.0)
    assert verdicts[-1] is Verdict.NO_EFFECT
    effect, _ = vial.statistics.recent_effect()
    assert effect == pytest.approx(0.0, abs=0.3)
    vial.statistics.reset()
    assert vial.statistics.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("misled_by_per_h", [1.0, 3.0])
def test_an_estimate_that_explains_missing_doses_by_growth_is_not_believed(misled_by_per_h: float) -> None:
    """Frequent doses without effect look to an estimator that trusts the pump like a culture that grows fast."""
    vial = Vial()
    vial.wait(60.0)
    vial.doses(40, 0.02, 1.0)
    vial.misled_by_per_h = misled_by_per_h
    verdicts = []
    for _ in range(15):
        vial.dose(0.05, 0.0, every_s=60.0)
        verdicts.append(vial.statistics.verdict)
    assert Verdict.NO_EFFECT in verdicts[:10]


def test_a_blank_does_not_stop_dosing() -> None:
    blank = Vial(growth_per_h=0.0)
    blank.wait(60.0)
    assert blank.doses(30, 0.05, 0.0)[-1] is Verdict.NEVER_SEEN


def test_a_photodiode_saturated_at_high_density_does_not_stop_dosing() -> None:
    vial = Vial()
    vial.wait(60.0)
    vial.doses(50, 0.03, 1.0)
    vial.level += 1.0
    vial.wait(120.0)
    assert vial.doses(20, 0.05, 0.0)[-1] is Verdict.NEVER_SEEN


def test_too_few_or_invalid_readings_are_inconclusive() -> None:
    statistics = DilutionStatistics()
    for number in range(20):
        statistics.add_reading(number * 100.0, 1.0)
        statistics.add_reading(number * 100.0 - 50.0, 1.0)
        for invalid in (0.0, -1.0, math.nan, math.inf):
            statistics.add_reading(number * 100.0, invalid)
        statistics.start_dose(number * 100.0 + 1.0)
        statistics.end_dose(number * 100.0 + 1.0, number * 100.0 + 2.0, 0.05)
    assert statistics.verdict is Verdict.UNKNOWN
    assert statistics.effect[1] == math.inf


def test_fading_doses_are_reported_once() -> None:
    vial = Vial(growth_per_h=0.8)
    vial.wait(60.0)
    grown = 0.8 * 80.0 / 3600.0
    vial.doses(300, grown, 1.0)
    assert vial.statistics.pop_fading() is None
    reported = []
    for _ in range(300):
        vial.dose(grown / 0.82, 0.82)
        part = vial.statistics.pop_fading()
        if part is not None:
            reported.append(part)
    assert len(reported) == 1
    assert reported[0] == pytest.approx(0.82, abs=0.07)
