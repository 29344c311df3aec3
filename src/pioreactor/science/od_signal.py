"""The level of a burst of samples, free of mains hum and of outliers.

Hum of 50 and of 60 Hz is projected out together, so nothing has to be detected and nothing can be detected wrongly
(estimation.md §4). Outliers are looked for only where a burst scatters more than its channel usually does: then the fit
is done again, first to the samples that agree best, then to all that agree with those.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from operator import mul
from statistics import median

MAINS_HZ = (50.0, 60.0)
OUTLIER_K = 3.3
"""Samples beyond so many standard deviations are left out."""
SUSPICIOUS_K = 3.7
"""A burst with a sample beyond so many of its channel's standard deviations is looked at more closely,"""
UNUSUAL_SPREAD = 1.5
"""and so is one that scatters so many times as much as its channel does."""
BENT = 2.5
"""Up to so many times the scatter of the samples that agree, all samples together have no spikes."""
NOISE_FOLLOWS = 0.2
"""Part of the way that the remembered noise goes towards that of each burst."""
SURELY_GOOD = 0.65
"""This part of the samples is taken to be free of outliers."""
ITERATIONS = 8
ROUNDS_OF_WEIGHTING = 5
STEPS_OF_A_CONVERTER = 0.4
"""The standard deviation is taken to be at least this part of the converter's step."""
FEWEST_SAMPLES = 12
MAD_TO_SD = 1.4826
SAME_SCHEDULE_DECIMALS = 5
"""Jitter below 20 µs turns the phase of 60 Hz by less than half a degree: the schedule counts as the same."""

Vector = list[float]
Matrix = list[Vector]


def _inverse(matrix: Matrix) -> Matrix | None:
    """Return the inverse by Gauss–Jordan elimination, None when there is none. Its scale is the number of samples."""
    n = len(matrix)
    rows = [[*matrix[i], *(1.0 if k == i else 0.0 for k in range(n))] for i in range(n)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(rows[k][i]))
        if abs(rows[pivot][i]) < 1e-9:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        scale = 1.0 / rows[i][i]
        chosen = rows[i] = [value * scale for value in rows[i]]
        for k in range(n):
            factor = rows[k][i]
            if k != i and factor:
                rows[k] = [a - factor * b for a, b in zip(rows[k], chosen, strict=True)]
    return [row[n:] for row in rows]


def _columns(times_s: Sequence[float], frequencies: Sequence[float]) -> Matrix:
    columns = [[1.0] * len(times_s)]
    for hz in frequencies:
        phases = [2 * math.pi * hz * t for t in times_s]
        columns.append(list(map(math.sin, phases)))
        columns.append(list(map(math.cos, phases)))
    return columns


class Schedule:
    """The moments at which a burst was sampled, prepared for any number of channels."""

    def __init__(self, times_s: Sequence[float], frequencies: Sequence[float]) -> None:
        """`times_s`: moments [s] from any start."""
        self._columns = _columns(times_s, frequencies)
        degrees = len(times_s) - len(self._columns)
        self._lost = math.sqrt(len(times_s) / degrees) if degrees > 0 else 1.0
        self._inverse = _inverse(_normal(self._columns)) if len(times_s) >= FEWEST_SAMPLES else None

    @property
    def samples(self) -> int:
        return len(self._columns[0])

    def fit(self, values: Sequence[float]) -> tuple[float, Vector] | None:
        """Return the level by least squares and what remains of each sample; None when the burst is too short."""
        if self._inverse is None:
            return None
        coefficients = _coefficients(self._inverse, self._columns, values)
        return coefficients[0], _residuals(coefficients, self._columns, values)

    def spread(self, residuals: Vector) -> float:
        """Return the standard deviation of the noise from what remains of all samples."""
        return math.sqrt(sum(map(mul, residuals, residuals)) / self.samples) * self._lost

    def robust_fit(self, values: Sequence[float], residuals: Vector) -> tuple[float, float]:
        """Return the level of the samples that agree with one another, and the standard deviation of their noise.

        Least absolute deviations find the majority; the two thirds that fit best are fitted until they stay the same
        (least trimmed squares); then all that lie within a few standard deviations of that fit come back.
        """
        n = len(values)
        level, sizes = self._least_absolute(values, list(map(abs, residuals)))
        most = math.ceil(SURELY_GOOD * n)
        kept: list[int] = []
        for _ in range(ITERATIONS):
            before, kept = kept, sorted(sorted(range(n), key=sizes.__getitem__)[:most])
            if kept == before:
                break
            level, sizes = self._fit(values, kept, level, sizes)
        least = STEPS_OF_A_CONVERTER * _step(values)
        for _ in range(ITERATIONS):
            limit = OUTLIER_K * max(_typical(sizes) * self._lost, least)
            before, kept = kept, [k for k, size in enumerate(sizes) if size <= limit]
            if kept == before:
                break
            level, sizes = self._fit(values, kept, level, sizes)
        squares = math.fsum([sizes[k] ** 2 for k in kept])
        return level, math.sqrt(squares / max(len(kept) - len(self._columns), 1))

    def _least_absolute(self, values: Sequence[float], sizes: Vector) -> tuple[float, Vector]:
        """Fit all samples by least absolute deviations, roughly: squares, weighted again and again."""
        columns, level = self._columns, 0.0
        for _ in range(ROUNDS_OF_WEIGHTING):
            floor = 0.1 * _typical(sizes) + 1e-12
            weights = [1.0 / (size + floor) for size in sizes]
            total = sum(weights) / len(weights)
            weighted = [[w / total * x for w, x in zip(weights, column, strict=True)] for column in columns]
            inverse = _inverse(_normal(columns, weighted))
            if inverse is None:
                break
            coefficients = _coefficients(inverse, weighted, values)
            level, sizes = coefficients[0], list(map(abs, _residuals(coefficients, columns, values)))
        return level, sizes

    def _fit(self, values: Sequence[float], kept: list[int], level: float, sizes: Vector) -> tuple[float, Vector]:
        """Fit some of the samples; return their level and how far off each sample is. No change if they are too few."""
        some = [[column[k] for k in kept] for column in self._columns]
        inverse = _inverse(_normal(some))
        if inverse is None:
            return level, sizes
        chosen = [values[k] for k in kept]
        coefficients = _coefficients(inverse, some, chosen)
        return coefficients[0], list(map(abs, _residuals(coefficients, self._columns, values)))


def _normal(columns: Matrix, weighted: Matrix | None = None) -> Matrix:
    normal = [[0.0] * len(columns) for _ in columns]
    for i, a in enumerate(columns if weighted is None else weighted):
        for k in range(i + 1):
            normal[i][k] = normal[k][i] = sum(map(mul, a, columns[k]))
    return normal


def _coefficients(inverse: Matrix, columns: Matrix, values: Sequence[float]) -> Vector:
    right = [sum(map(mul, column, values)) for column in columns]
    return [sum(map(mul, row, right)) for row in inverse]


def _residuals(coefficients: Vector, columns: Matrix, values: Sequence[float]) -> Vector:
    residuals = list(values)
    for coefficient, column in zip(coefficients, columns, strict=True):
        residuals = [r - coefficient * x for r, x in zip(residuals, column, strict=True)]
    return residuals


def _typical(sizes: Vector) -> float:
    """Return the standard deviation from how far off samples are, whatever a minority of them is."""
    return MAD_TO_SD * median(sizes)


def _step(values: Sequence[float]) -> float:
    """Return the smallest step between different samples: a converter's resolution, if noise is not far above it."""
    steps = [high - low for low, high in pairwise(sorted(values))]
    return min((step for step in steps if step > 1e-12), default=0.0)


@lru_cache(maxsize=8)
def _schedule(times_s: tuple[float, ...], frequencies: tuple[float, ...]) -> Schedule:
    return Schedule(times_s, frequencies)


def schedule(times_s: Sequence[float], *, mains_hz: float | None = None) -> Schedule:
    """Return the schedule of samples taken at times [s]; one that repeats is worked out once.

    `mains_hz`: the mains frequency where it is known; None takes out both.
    """
    frequencies = MAINS_HZ if mains_hz is None else (mains_hz,)
    return _schedule(tuple([round(t, SAME_SCHEDULE_DECIMALS) for t in times_s]), frequencies)


class LevelEstimator:
    """Reduces the bursts of one channel to levels. It remembers how noisy the channel is."""

    def __init__(self) -> None:
        self._noise: float | None = None

    def level(self, moments: Schedule, values: Sequence[float]) -> float:
        """Return the level of samples in their unit; 0 when there are none. It may be below 0, as noise is."""
        fitted = moments.fit(values)
        if fitted is None:
            return median(values) if values else 0.0
        level, residuals = fitted
        spread = moments.spread(residuals)
        if not self._is_usual(spread, residuals):
            level, agreeing = moments.robust_fit(values, residuals)
            # A warming LED bends each burst alike: that is this channel's usual scatter, and no reason to look closer.
            spread = spread if spread <= BENT * agreeing else agreeing
        known = self._noise
        self._noise = spread if known is None else known + NOISE_FOLLOWS * (spread - known)
        return level

    def _is_usual(self, spread: float, residuals: Vector) -> bool:
        """Say whether a burst scatters as those before it did. Outliers that hide one another make it scatter more."""
        noise = self._noise
        if noise is None or spread > UNUSUAL_SPREAD * noise:
            return False
        limit = SUSPICIOUS_K * noise
        return -limit <= min(residuals) and max(residuals) <= limit
