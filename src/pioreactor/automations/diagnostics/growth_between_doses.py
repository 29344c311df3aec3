"""Growth rate from the rise of optical density between doses.

An estimate that accounts for doses explains a dose that does not arrive by fast growth. The slope between two doses
does not depend on what they did.
"""

from __future__ import annotations

import math
from itertools import combinations
from statistics import median
from typing import Final, TypeAlias

Reading: TypeAlias = tuple[float, float]
"""Time [s] and ln OD."""

SECONDS_PER_HOUR: Final = 3600.0
MIN_READINGS: Final = 4
MAX_READINGS: Final = 30
"""Of one interval: the slope is the median of those of all pairs."""
MEMORY_S: Final = 3600.0
SURE_SD: Final = 3.5
LARGEST_SPREAD: Final = 2.5
"""Readings that scatter more around the slope, in multiples of their noise, are on no line and are not used."""


class GrowthBetweenDoses:
    """Mean of the slopes of the last hour, weighted by how well each is known."""

    def __init__(self) -> None:
        self._weight = self._weighted_sum = 0.0
        self._at_s = 0.0

    def add(self, readings: list[Reading], *, noise_sd: float) -> None:
        """Add the readings of one interval without doses; `noise_sd` is that of a reading of ln OD."""
        chosen = readings[:: math.ceil(len(readings) / MAX_READINGS)] if readings else []
        if len(chosen) < MIN_READINGS:
            return
        times = [t_s / SECONDS_PER_HOUR for t_s, _ in chosen]
        slopes = [
            (later[1] - earlier[1]) * SECONDS_PER_HOUR / (later[0] - earlier[0])
            for earlier, later in combinations(chosen, 2)
            if later[0] > earlier[0]
        ]
        center = sum(times) / len(times)
        extent = sum((t - center) ** 2 for t in times)
        if not slopes or extent <= 0.0:
            return
        slope = median(slopes)
        offset = median(level - slope * t for t, (_, level) in zip(times, chosen, strict=True))
        distance = median(abs(level - offset - slope * t) for t, (_, level) in zip(times, chosen, strict=True))
        if 1.4826 * distance > LARGEST_SPREAD * noise_sd:
            return
        kept = math.exp(-max(chosen[-1][0] - self._at_s, 0.0) / MEMORY_S)
        weight = extent / noise_sd**2
        self._weight = self._weight * kept + weight
        self._weighted_sum = self._weighted_sum * kept + weight * slope
        self._at_s = chosen[-1][0]

    def corrected(self, estimated_per_h: float) -> float:
        """Return the estimated rate, or the one between doses where the two differ clearly [1/h]."""
        if self._weight <= 0.0:
            return estimated_per_h
        seen = self._weighted_sum / self._weight
        return seen if abs(seen - estimated_per_h) > SURE_SD / math.sqrt(self._weight) else estimated_per_h
