"""Compares how far optical density falls after doses with what was dosed: plain numbers in, a verdict out."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum

SECONDS_PER_HOUR = 3600.0
WINDOW_S = 60.0
"""Readings so close to a dose are compared; growth and noise blur older ones."""
LONGEST_WINDOW_S = 300.0
FEWEST, MOST = 4, 15
"""Readings on each side of a dose: slow readers get a longer window until there are enough."""
MIXED_AFTER_S = 12.0
REMEMBERED_S = 900.0
NOISE_SD = 0.006
"""Spread of readings that is believed at least: a lucky few that agree do not make evidence."""
SPREADS = 40
"""The spread of readings is the mean of so many windows: a few readings that agree by luck, or that one bubble lifted
together, must not look sure."""
CREDIBLE_SD = 3.0
STRONGEST = 1.6
"""A dose that seems to do less than nothing, or more than so many times what it should, was misread and is left out."""
GROWTH_DOUBT_PER_H = 0.3
"""What growth around a dose may differ from its slow mean."""
GROWTH_MEMORY_S = 3600.0
GROWTH_KNOWN_AFTER_S = 600.0
"""From then on the mean moves slowly: doses that never arrive look like fast growth to an estimator that was told."""
FASTEST_PER_H = 2.5
"""No culture that we know grows faster; a faster estimate comes from doses that never arrived."""
DOSE_SD = 0.1
"""Error of one dose as a share of it: start of the pump, drops, mixing."""
MEDIAN_COST = 1.2533
"""Standard deviation of a median over that of a mean."""
DOSES = 24
FEWEST_DOSES = 4
NO_EFFECT_BELOW = 0.3
"""Part of the expected fall below which doses count as missing, once evidence is sure of it."""
SURE_SD = 3.5
LIKE_BEFORE = 0.7
"""Within so much of ln OD, light that showed doses before shows them still; further off the photodiode may be blind."""

FADED = 0.88
"""Doses that do less than this part of what they did at first are told of; less cannot be told from growth."""
FADED_SURE_SD = 3.0
NOT_FADED = 0.96
USUAL_SD = 0.02
"""What doses do at first is known once it is so sure."""
FADING_DOSES = (24, 48, 96)
SAME_LEVEL = 0.15
"""Effects are compared within so much of ln OD: elsewhere on its curve a photodiode shows the same dose differently."""


class Verdict(Enum):
    """What the doses of late say."""

    UNKNOWN = "too little has been dosed and read"
    FINE = "doses act"
    NO_EFFECT = "doses do not dilute, though they did before"
    NEVER_SEEN = "doses do not dilute, but whether this light can show it is not known"


@dataclass(frozen=True, slots=True)
class DoseEffect:
    """What one dose did. Falls are of ln OD."""

    expected: float
    observed: float
    sd: float
    level: float
    """ln OD before it."""
    noise_sd: float
    """`sd` without what growth may do to it, which is the same for all doses."""


class DilutionMonitor:
    """Remembers readings and doses; says whether the last doses diluted the culture. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, float]] = deque()
        self._effects: deque[DoseEffect] = deque(maxlen=DOSES)
        self._open: tuple[float, float, float] | None = None
        """Begin, end and expected fall of the dose whose effect is still being read."""
        self._mixed_s = -math.inf
        """From when on readings show the dose before."""
        self._spreads: deque[float] = deque(maxlen=SPREADS)
        self._growth_per_h: float | None = None
        self._growth_at_s = self._growth_since_s = 0.0
        self._acted_at_level: float | None = None
        self._fading = FadingMonitor()

    # ---- what it is told -----------------------------------------------------------------------------------

    def reading(self, t_s: float, od: float) -> None:
        """Take in an unfiltered reading of OD, in any unit."""
        if not (od > 0 and math.isfinite(od)):
            return
        if self._readings and t_s < self._readings[-1][0]:
            return
        self._readings.append((t_s, math.log(od)))
        while self._readings[0][0] < t_s - REMEMBERED_S:
            self._readings.popleft()

    def growth(self, t_s: float, growth_per_h: float) -> None:
        """Take in an estimate of the growth rate [1/h]; its slow mean is used, and wild estimates hardly move it."""
        bounded = min(max(growth_per_h, -FASTEST_PER_H), FASTEST_PER_H)
        if self._growth_per_h is None:
            self._growth_per_h = bounded
            self._growth_since_s = t_s
        else:
            passed_s = max(t_s - self._growth_at_s, 0.0)
            off = bounded - self._growth_per_h
            if t_s - self._growth_since_s > GROWTH_KNOWN_AFTER_S:
                off = min(max(off, -GROWTH_DOUBT_PER_H), GROWTH_DOUBT_PER_H) * -math.expm1(-passed_s / GROWTH_MEMORY_S)
            self._growth_per_h += off
        self._growth_at_s = t_s

    def dose_begins(self, t_s: float) -> None:
        """Judge the dose before, as far as it was read, and forget it."""
        if self._open is not None:
            self._judge(*self._open, until_s=t_s)
            self._open = None

    def dose_ended(self, begun_s: float, ended_s: float, expected_fall: float) -> None:
        """Take in a dose that should make ln OD fall by `expected_fall`."""
        if expected_fall > 0:
            self._open = (begun_s, ended_s, expected_fall)

    def forget(self) -> None:
        """Begin anew, after somebody looked after the tubes."""
        self._effects.clear()
        self._open = None
        self._fading = FadingMonitor()

    # ---- what it says --------------------------------------------------------------------------------------

    @property
    def verdict(self) -> Verdict:
        """Judge by the last doses, from the fewest that can tell to all that are remembered."""
        verdict = Verdict.UNKNOWN
        if not self._effects:
            return verdict
        level = self._effects[-1].level
        effects = [effect for effect in self._effects if abs(effect.level - level) <= LIKE_BEFORE]
        for count in range(FEWEST_DOSES, len(effects) + 1):
            part, sd = _pooled(effects[-count:])
            if part + SURE_SD * sd < NO_EFFECT_BELOW:
                return self._how_sure(level)
            if part - SURE_SD * sd > 0:
                verdict = Verdict.FINE
        return verdict

    def _how_sure(self, level: float) -> Verdict:
        """A blank, or a photodiode on the flat of its curve, shows no dose either: that is no reason to stop dosing."""
        seen = self._acted_at_level
        return Verdict.NEVER_SEEN if seen is None or abs(level - seen) > LIKE_BEFORE else Verdict.NO_EFFECT

    @property
    def effect(self) -> tuple[float, float]:
        """Return which part of the expected fall was seen in the remembered doses, and its standard deviation."""
        return _pooled(list(self._effects)) if self._effects else (1.0, math.inf)

    def effect_of_last(self) -> tuple[float, float]:
        """Return the same for the fewest doses that can tell."""
        effects = list(self._effects)[-FEWEST_DOSES:]
        return _pooled(effects) if effects else (1.0, math.inf)

    def take_fading(self) -> float | None:
        """Return, once, which part of their first effect doses still have, when that is clearly less; else None."""
        part = self._fading.part
        if self.effect_of_last()[0] < FADED / 2:
            return None  # these doses are rather missing: that is told otherwise, once it is sure
        if part is not None:
            self._fading = FadingMonitor()
        return part

    # ---- one dose ------------------------------------------------------------------------------------------

    def _judge(self, begun_s: float, ended_s: float, expected: float, *, until_s: float) -> None:
        before = [(t, level) for t, level in self._readings if self._mixed_s <= t <= begun_s]
        after = [(t, level) for t, level in self._readings if ended_s + MIXED_AFTER_S <= t <= until_s]
        self._mixed_s = ended_s + MIXED_AFTER_S
        before = _nearest(before, begun_s)
        after = _nearest(after, ended_s)
        if len(before) < FEWEST or len(after) < FEWEST:
            return
        hours = (_mean([t for t, _ in after]) - _mean([t for t, _ in before])) / SECONDS_PER_HOUR
        low, low_spread = _middle([level for _, level in after])
        high, high_spread = _middle([level for _, level in before])
        self._spreads.extend((low_spread, high_spread))
        spread = max(_mean(list(self._spreads)), (low_spread + high_spread) / 2)
        growth = 0.0 if self._growth_per_h is None else self._growth_per_h
        doubt = GROWTH_DOUBT_PER_H * hours
        of_medians = (MEDIAN_COST * spread) ** 2 * (1 / len(after) + 1 / len(before))
        variance = of_medians + doubt**2 + (DOSE_SD * expected) ** 2
        observed = high + growth * hours - low
        slack = CREDIBLE_SD * math.sqrt(variance)
        if not -slack <= observed <= STRONGEST * expected + slack:
            return
        noise_sd = math.sqrt(variance - doubt**2)
        effect = DoseEffect(expected, observed, math.sqrt(variance), high, noise_sd)
        self._effects.append(effect)
        self._fading.add(effect)
        if self.verdict is Verdict.FINE:
            self._acted_at_level = high


class FadingMonitor:
    """Compares what doses do with what they did at first, at the same density: pumps wear, and vials fill."""

    def __init__(self) -> None:
        self._usual: list[DoseEffect] = []
        self._usual_is_known = False
        self._level = 0.0
        self._recent: deque[DoseEffect] = deque(maxlen=max(FADING_DOSES))

    def add(self, effect: DoseEffect) -> None:
        if self._usual and abs(effect.level - self._level) > SAME_LEVEL:
            self._usual, self._usual_is_known = [], False
            self._recent.clear()
        if self._usual_is_known:
            self._recent.append(effect)
            return
        if not self._usual:
            self._level = effect.level
        self._usual.append(effect)
        self._usual_is_known = len(self._usual) >= min(FADING_DOSES) and _pooled_noise(self._usual)[1] <= USUAL_SD

    @property
    def part(self) -> float | None:
        """Which part of the usual effect the last doses had, when that is clearly less; else None."""
        if not self._usual_is_known:
            return None
        usual, usual_sd = _pooled_noise(self._usual)
        recent = list(self._recent)
        for count in FADING_DOSES:
            if count > len(recent) or usual <= 0:
                return None
            now, now_sd = _pooled_noise(recent[-count:])
            part, sd = now / usual, math.hypot(now_sd, usual_sd) / usual
            if part <= FADED and part + FADED_SURE_SD * sd < NOT_FADED:
                return part
        return None


def _nearest(readings: list[tuple[float, float]], t_s: float) -> list[tuple[float, float]]:
    """Choose the readings within the window around a moment; more, and older ones, where readings are rare."""
    ordered = sorted(readings, key=lambda reading: abs(reading[0] - t_s))
    close = [reading for reading in ordered if abs(reading[0] - t_s) <= WINDOW_S]
    if len(close) < FEWEST:
        close = [reading for reading in ordered[:FEWEST] if abs(reading[0] - t_s) <= LONGEST_WINDOW_S]
    return close[:MOST]


def _middle(levels: list[float]) -> tuple[float, float]:
    """Return the median and the standard deviation of one reading, by the middle half: bubbles are no spread."""
    ordered = sorted(levels)
    count = len(ordered)
    median = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    distances = sorted(abs(level - median) for level in ordered)
    spread = max(1.4826 * (distances[(count - 1) // 2] + distances[count // 2]) / 2, NOISE_SD)
    return median, spread


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _pooled(effects: list[DoseEffect]) -> tuple[float, float]:
    """Return the part of the expected fall that all these doses together showed, and its standard deviation."""
    return _weighted([(effect.expected, effect.observed, effect.sd) for effect in effects])


def _pooled_noise(effects: list[DoseEffect]) -> tuple[float, float]:
    return _weighted([(effect.expected, effect.observed, effect.noise_sd) for effect in effects])


def _weighted(doses: list[tuple[float, float, float]]) -> tuple[float, float]:
    weight = sum((expected / sd) ** 2 for expected, _, sd in doses)
    part = sum(expected * observed / sd**2 for expected, observed, sd in doses) / weight
    return part, 1 / math.sqrt(weight)
