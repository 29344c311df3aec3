"""The latest readings of ln OD, and whether they fall."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

SECONDS_PER_HOUR = 3600.0
KEPT_READINGS = 256
SHORTEST_HALF_S = 30.0
SLOPE_SD_PER_H = 0.35
"""Readings are compared over spans that are long enough to know their slope this well [1/h]."""


class Trend(NamedTuple):
    """Slope of ln OD [1/h] over the latest readings, and the mean of the later half: time [s], ln OD, variance."""

    slope_per_h: float
    t_s: float
    level: float
    level_var: float


class LevelWindow:
    """Compares the latest readings with those just before them, over a span that depends on their noise."""

    __slots__ = ("_levels", "_times_s")

    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=KEPT_READINGS)
        self._levels: deque[float] = deque(maxlen=KEPT_READINGS)

    def add(self, t_s: float, level: float) -> None:
        self._times_s.append(t_s)
        self._levels.append(level)

    def clear(self) -> None:
        self._times_s.clear()
        self._levels.clear()

    def highest_of(self, count: int) -> float:
        """Return the highest ln OD of the last readings."""
        return max(list(self._levels)[-count:])

    def trend(self, since_s: float, noise_var: float) -> Trend:
        """Return how readings since a time move; while they are too few, a fall without bounds."""
        times_s, levels = list(self._times_s), list(self._levels)
        half = _half(times_s, noise_var)
        if len(times_s) < 2 * half or times_s[-2 * half] < since_s:
            return Trend(-math.inf, times_s[-1], math.inf, 1.0)
        late_s, early_s = _mean(times_s[-half:]), _mean(times_s[-2 * half : -half])
        late, early = _mean(levels[-half:]), _mean(levels[-2 * half : -half])
        span_h = max(late_s - early_s, 1e-3) / SECONDS_PER_HOUR
        return Trend((late - early) / span_h, late_s, late, noise_var / half)


def _half(times_s: list[float], noise_var: float) -> int:
    """Return how many readings make half of a span."""
    step_s = max((times_s[-1] - times_s[0]) / max(len(times_s) - 1, 1), 1e-3)
    needed = math.pow(math.sqrt(2 * noise_var) * SECONDS_PER_HOUR / step_s / SLOPE_SD_PER_H, 2 / 3)
    return min(max(math.ceil(max(needed, SHORTEST_HALF_S / step_s)), 3), KEPT_READINGS // 2)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
