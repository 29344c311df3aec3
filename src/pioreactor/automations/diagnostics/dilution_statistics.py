"""Detection of doses that do not dilute: the fall of optical density is compared with the dosed volume."""

from __future__ import annotations

import math
from collections import deque
from enum import Enum

from pioreactor.automations.diagnostics.dose_effect import DoseEffect
from pioreactor.automations.diagnostics.growth_between_doses import SECONDS_PER_HOUR, GrowthBetweenDoses, Reading
from pioreactor.automations.diagnostics.missing_doses import MissingDoses

WINDOW_S = 60.0
"""Readings within this time of a dose are compared [s]."""
MAX_WINDOW_S = 300.0
MIN_READINGS, MAX_READINGS = 4, 15
"""Number of readings on each side of a dose; the window is extended at slow sampling rates."""
MIN_READINGS_AFTER = 2
"""Least number, for doses in quick succession."""
MIXED_AFTER_S = 12.0
SETTLED_AFTER_S = 60.0
"""Time after which a vial that was not stirred is mixed again."""
HISTORY_S = 900.0
NOISE_SD = 0.006
"""Lower bound of the standard deviation of a reading in ln OD."""
SPREAD_WINDOWS = 40
"""Number of windows over which the standard deviation of readings is averaged, as each has few readings."""
CREDIBLE_SD = 3.0
MAX_EFFECT = 1.6
"""A dose with an apparent effect below zero, or above this multiple of the expected one, is discarded as misread."""
GROWTH_SD_PER_H = 0.3
"""Uncertainty of the growth rate around a dose relative to its slow mean [1/h]."""
GROWTH_MEMORY_S = 3600.0
GROWTH_KNOWN_AFTER_S = 600.0
"""Time after which the mean moves slowly: an estimator that accounts for missing doses finds fast growth."""
MAX_GROWTH_PER_H = 2.5
"""Upper bound of growth rates; a faster estimate results from missing doses."""
DOSE_SD = 0.1
"""Relative error of one dose: start-up of the pump, drops, mixing."""
MEDIAN_COST = 1.2533
"""Ratio of the standard deviations of a median and a mean."""
MAX_DOSES = 24
MIN_DOSES = 4
NO_EFFECT_BELOW = 0.3
"""Fraction of the expected fall below which doses count as missing, at `SURE_SD` standard deviations."""
SURE_SD = 3.5
KNOWN_RESPONSE_RANGE = 0.7
"""Range of ln OD within which the photodiode is known to respond to doses."""

FADED = 0.88
"""Doses below this fraction of their initial effect are reported; smaller changes cannot be told from growth."""
FADED_SURE_SD = 3.0
NOT_FADED = 0.96
MAX_REFERENCE_SD = 0.02
"""Largest standard deviation of the initial effect."""
FADING_DOSES = (24, 48, 96)
MAX_LEVEL_DIFFERENCE = 0.15
"""Effects are compared within this range of ln OD, since the response of a photodiode varies along its curve."""


class Verdict(Enum):
    """Conclusion from the last doses."""

    UNKNOWN = "too few doses or readings"
    FINE = "doses dilute the culture"
    NO_EFFECT = "doses no longer dilute the culture"
    NEVER_SEEN = "no dose has been seen to dilute; the photodiode may not respond at this density"


class DilutionStatistics:
    """Readings and doses, and whether the last doses diluted the culture. Times are seconds of one clock."""

    def __init__(self, missing: MissingDoses | None = None) -> None:
        """`missing` tests doses one by one; a new one if None."""
        self._readings: deque[Reading] = deque()
        self._effects: deque[DoseEffect] = deque(maxlen=MAX_DOSES)
        self._pending: tuple[float, float, float] | None = None
        """Start, end and expected fall of the dose whose effect is being measured."""
        self._mixed_s = -math.inf
        """Time from which readings include the previous dose."""
        self._spreads: deque[float] = deque(maxlen=SPREAD_WINDOWS)
        self._growth_per_h: float | None = None
        self._between = GrowthBetweenDoses()
        self._growth_at_s = self._growth_since_s = 0.0
        self._acted_at_level: float | None = None
        self._fading = FadingStatistics()
        self._missing = MissingDoses() if missing is None else missing

    # ---- input -----------------------------------------------------------------------------------------------

    def add_reading(self, t_s: float, od: float) -> None:
        """Add an unfiltered reading of OD, in any unit."""
        if not (od > 0 and math.isfinite(od)):
            return
        if self._readings and t_s < self._readings[-1][0]:
            return
        self._readings.append((t_s, math.log(od)))
        while self._readings[0][0] < t_s - HISTORY_S:
            self._readings.popleft()

    def add_growth_rate(self, t_s: float, growth_per_h: float) -> None:
        """Add an estimate of the growth rate [1/h]; a slow mean is used, robust to outliers."""
        bounded = min(max(growth_per_h, -MAX_GROWTH_PER_H), MAX_GROWTH_PER_H)
        if self._growth_per_h is None:
            self._growth_per_h = bounded
            self._growth_since_s = t_s
        else:
            passed_s = max(t_s - self._growth_at_s, 0.0)
            off = bounded - self._growth_per_h
            if t_s - self._growth_since_s > GROWTH_KNOWN_AFTER_S:
                off = min(max(off, -GROWTH_SD_PER_H), GROWTH_SD_PER_H) * -math.expm1(-passed_s / GROWTH_MEMORY_S)
            self._growth_per_h += off
        self._growth_at_s = t_s

    def start_dose(self, t_s: float) -> None:
        """Evaluate the previous dose with the readings so far; with too few of them, together with the next one."""
        if self._pending is not None and self._evaluate(*self._pending, until_s=t_s):
            self._pending = None

    def end_dose(self, begun_s: float, ended_s: float, expected_fall: float) -> None:
        """Add a dose that is expected to lower ln OD by `expected_fall`."""
        if expected_fall <= 0:
            return
        if self._pending is not None and ended_s - self._pending[0] <= MAX_WINDOW_S:
            begun_s, expected_fall = self._pending[0], self._pending[2] + expected_fall
        self._pending = (begun_s, ended_s, expected_fall)

    def exclude(self, t_s: float) -> None:
        """Use no reading until some time after this one, and not the dose before it: the vial was not mixed."""
        self._pending = None
        self._mixed_s = max(self._mixed_s, t_s + SETTLED_AFTER_S)

    def reset(self) -> None:
        """Discard all effects, after the tubes were checked."""
        self._effects.clear()
        self._pending = None
        self._fading = FadingStatistics()
        self._missing.reset()

    # ---- results -----------------------------------------------------------------------------------------------

    @property
    def verdict(self) -> Verdict:
        """Evaluate the last doses, from the minimum number to all that are stored."""
        verdict = Verdict.UNKNOWN
        if not self._effects:
            return verdict
        level = self._effects[-1].level
        if self._missing.is_certain:
            return self._classify_missing(level)
        effects = [effect for effect in self._effects if abs(effect.level - level) <= KNOWN_RESPONSE_RANGE]
        for count in range(MIN_DOSES, len(effects) + 1):
            part, sd = _pooled(effects[-count:])
            if part + SURE_SD * sd < NO_EFFECT_BELOW:
                return self._classify_missing(level)
            if part - SURE_SD * sd > 0:
                verdict = Verdict.FINE
        return verdict

    def _classify_missing(self, level: float) -> Verdict:
        """Return how certain missing doses are: a blank, or a saturated photodiode, shows no dose either."""
        seen = self._acted_at_level
        return Verdict.NEVER_SEEN if seen is None or abs(level - seen) > KNOWN_RESPONSE_RANGE else Verdict.NO_EFFECT

    @property
    def effect(self) -> tuple[float, float]:
        """Fraction of the expected fall over the stored doses, and its standard deviation."""
        return _pooled(list(self._effects)) if self._effects else (1.0, math.inf)

    @property
    def recent_since_s(self) -> float | None:
        """Return the time of the first of the last doses, those of `recent_effect`."""
        effects = self._recent()
        return effects[0].at_s if effects else None

    def _recent(self) -> list[DoseEffect]:
        return self._missing.recent if self._missing.is_certain else list(self._effects)[-MIN_DOSES:]

    def recent_effect(self) -> tuple[float, float]:
        """Return the fraction of the expected fall over the last doses, and its standard deviation."""
        effects = self._recent()
        return _pooled(effects) if effects else (1.0, math.inf)

    def pop_fading(self) -> float | None:
        """Return, once, the remaining fraction of the initial effect of doses if that is clearly less; else None."""
        part = self._fading.part
        if self.recent_effect()[0] < FADED / 2:
            return None  # The doses are missing rather than fading, which the verdict reports.
        if part is not None:
            self._fading = FadingStatistics()
        return part

    # ---- one dose ------------------------------------------------------------------------------------------

    def _evaluate(self, begun_s: float, ended_s: float, expected: float, *, until_s: float) -> bool:
        """Evaluate a dose; return False if there are too few readings after it."""
        before = _nearest(self._readings_between(self._mixed_s, begun_s), begun_s)
        since = self._readings_between(ended_s + MIXED_AFTER_S, until_s)
        after = _nearest(since, ended_s)
        if len(after) < MIN_READINGS_AFTER:
            return False
        self._mixed_s = max(self._mixed_s, ended_s + MIXED_AFTER_S)
        if len(before) < MIN_READINGS_AFTER:
            return True
        spread = _mean(list(self._spreads)) if self._spreads else _robust_center([level for _, level in after])[1]
        self._between.add(since, noise_sd=spread)
        effect = self._measure(before, after, expected)
        if effect is None:
            return True
        self._effects.append(effect)
        self._missing.add(effect)
        self._fading.add(effect)
        if self.verdict is Verdict.FINE:
            self._acted_at_level = effect.level
        return True

    def _readings_between(self, since_s: float, until_s: float) -> list[Reading]:
        return [reading for reading in self._readings if since_s <= reading[0] <= until_s]

    def _measure(self, before: list[Reading], after: list[Reading], expected: float) -> DoseEffect | None:
        """Return the fall of ln OD corrected for growth; None for a fall that no dose can cause, a misread one."""
        hours = (_mean([t for t, _ in after]) - _mean([t for t, _ in before])) / SECONDS_PER_HOUR
        low, low_spread = _robust_center([level for _, level in after])
        high, high_spread = _robust_center([level for _, level in before])
        self._spreads.extend(
            spread for spread, side in ((low_spread, after), (high_spread, before)) if len(side) >= MIN_READINGS
        )
        spread = max(_mean([*self._spreads, NOISE_SD]), (low_spread + high_spread) / 2)
        growth = self._growth()
        growth_sd = GROWTH_SD_PER_H * hours
        of_medians = (MEDIAN_COST * spread) ** 2 * (1 / len(after) + 1 / len(before))
        variance = of_medians + growth_sd**2 + (DOSE_SD * expected) ** 2
        observed = high + growth * hours - low
        slack = CREDIBLE_SD * math.sqrt(variance)
        if not -slack <= observed <= MAX_EFFECT * expected + slack:
            return None
        noise_sd = math.sqrt(variance - growth_sd**2)
        return DoseEffect(expected, observed, math.sqrt(variance), high, noise_sd, max(t for t, _ in before))

    def _growth(self) -> float:
        """Return the growth rate [1/h]: the estimated one unless the rise between doses contradicts it."""
        growth = self._between.corrected(0.0 if self._growth_per_h is None else self._growth_per_h)
        return min(max(growth, -MAX_GROWTH_PER_H), MAX_GROWTH_PER_H)


class FadingStatistics:
    """Comparison of doses with the initial ones at the same density, to detect worn pumps and overfilled vials."""

    def __init__(self) -> None:
        self._reference: list[DoseEffect] = []
        self._reference_is_known = False
        self._level = 0.0
        self._recent: deque[DoseEffect] = deque(maxlen=max(FADING_DOSES))

    def add(self, effect: DoseEffect) -> None:
        if self._reference and abs(effect.level - self._level) > MAX_LEVEL_DIFFERENCE:
            self._reference, self._reference_is_known = [], False
            self._recent.clear()
        if self._reference_is_known:
            self._recent.append(effect)
            return
        if not self._reference:
            self._level = effect.level
        self._reference.append(effect)
        self._reference_is_known = (
            len(self._reference) >= min(FADING_DOSES) and _pooled_noise(self._reference)[1] <= MAX_REFERENCE_SD
        )

    @property
    def part(self) -> float | None:
        """Fraction of the initial effect of the last doses if that is clearly less; else None."""
        if not self._reference_is_known:
            return None
        reference, reference_sd = _pooled_noise(self._reference)
        recent = list(self._recent)
        for count in FADING_DOSES:
            if count > len(recent) or reference <= 0:
                return None
            now, now_sd = _pooled_noise(recent[-count:])
            part, sd = now / reference, math.hypot(now_sd, reference_sd) / reference
            if part <= FADED and part + FADED_SURE_SD * sd < NOT_FADED:
                return part
        return None


def _nearest(readings: list[Reading], t_s: float) -> list[Reading]:
    """Return the readings closest to a time, from a longer window if there are few."""
    ordered = sorted(readings, key=lambda reading: abs(reading[0] - t_s))
    close = [reading for reading in ordered if abs(reading[0] - t_s) <= WINDOW_S]
    if len(close) < MIN_READINGS:
        close = [reading for reading in ordered[:MIN_READINGS] if abs(reading[0] - t_s) <= MAX_WINDOW_S]
    return close[:MAX_READINGS]


def _robust_center(levels: list[float]) -> tuple[float, float]:
    """Return the median and a robust standard deviation of one reading."""
    ordered = sorted(levels)
    count = len(ordered)
    median = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    distances = sorted(abs(level - median) for level in ordered)
    spread = max(1.4826 * (distances[(count - 1) // 2] + distances[count // 2]) / 2, NOISE_SD)
    return median, spread


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _pooled(effects: list[DoseEffect]) -> tuple[float, float]:
    """Return the pooled fraction of the expected fall and its standard deviation."""
    return _weighted([(effect.expected, effect.observed, effect.sd) for effect in effects])


def _pooled_noise(effects: list[DoseEffect]) -> tuple[float, float]:
    return _weighted([(effect.expected, effect.observed, effect.noise_sd) for effect in effects])


def _weighted(doses: list[tuple[float, float, float]]) -> tuple[float, float]:
    weight = sum((expected / sd) ** 2 for expected, _, sd in doses)
    part = sum(expected * observed / sd**2 for expected, observed, sd in doses) / weight
    return part, 1 / math.sqrt(weight)
