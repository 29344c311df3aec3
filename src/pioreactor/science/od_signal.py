"""The level of a burst of samples, free of mains hum and of outliers.

Hum of 50 and of 60 Hz is projected out together, so nothing has to be detected and nothing can be detected wrongly
(estimation.md §4). Samples far from the fit lose weight (Huber), so spikes do not pull the level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import mul
from statistics import median

MAINS_HZ = (50.0, 60.0)
HUBER_K = 2.0
"""Residuals beyond so many standard deviations lose weight."""
OUTLIER_K = 3.2
"""A burst whose largest residual is below so many standard deviations has no outlier."""
FEWEST_SAMPLES = 12
ITERATIONS = 12
MAD_TO_SD = 1.4826

Matrix = list[list[float]]


def _solve(matrix: Matrix, right: Matrix) -> Matrix | None:
    """Return the solution of `matrix @ x = right` by Gauss–Jordan elimination, None when it is singular."""
    n = len(matrix)
    rows = [list(matrix[i]) + list(right[i]) for i in range(n)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(rows[k][i]))
        if abs(rows[pivot][i]) < 1e-9:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        scale = rows[i][i]
        rows[i] = [value / scale for value in rows[i]]
        for k in range(n):
            factor = rows[k][i]
            if k != i and factor:
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [row[n:] for row in rows]


def _columns(times_s: Sequence[float], frequencies: Sequence[float]) -> Matrix:
    columns = [[1.0] * len(times_s)]
    for hz in frequencies:
        columns.append([math.sin(2 * math.pi * hz * t) for t in times_s])
        columns.append([math.cos(2 * math.pi * hz * t) for t in times_s])
    return columns


def _weighted_fit(columns: Matrix, values: Sequence[float], weights: Sequence[float]) -> list[float] | None:
    weighted = [list(map(mul, column, weights)) for column in columns]
    normal = [[sum(map(mul, a, b)) for b in columns] for a in weighted]
    right = [[sum(map(mul, a, values))] for a in weighted]
    solution = _solve(normal, right)
    return None if solution is None else [row[0] for row in solution]


@lru_cache(maxsize=8)
def _projector(times_s: tuple[float, ...], frequencies: tuple[float, ...]) -> tuple[Matrix, Matrix] | None:
    """Return (columns, rows): a row times the samples is the coefficient of a column."""
    columns = _columns(times_s, frequencies)
    normal = [[sum(map(mul, a, b)) for b in columns] for a in columns]
    rows = _solve(normal, columns)
    return None if rows is None else (columns, rows)


class BurstEstimator:
    """Reduces bursts to levels. A schedule of sampling that repeats is worked out once."""

    def __init__(self, *, mains_hz: float | None = None) -> None:
        """`mains_hz`: the mains frequency where it is known; None takes out both."""
        self._frequencies = MAINS_HZ if mains_hz is None else (mains_hz,)

    def level(self, times_s: Sequence[float], values: Sequence[float]) -> float:
        """Return the level of samples (any unit) taken at times [s]; 0 when there are none."""
        if len(values) < FEWEST_SAMPLES:
            return median(values) if values else 0.0
        # Jitter below 20 µs turns the phase of 60 Hz by less than half a degree: the schedule counts as the same.
        prepared = _projector(tuple(round(t, 5) for t in times_s), self._frequencies)
        if prepared is None:
            return median(values)
        columns, rows = prepared
        coefficients = [sum(map(mul, row, values)) for row in rows]
        residuals = _residuals(columns, coefficients, values)
        spread = _spread(residuals)
        if max(map(abs, residuals)) <= OUTLIER_K * spread:
            return coefficients[0]
        return self._robust(columns, values)

    def _robust(self, columns: Matrix, values: Sequence[float]) -> float:
        """Fit again and again, giving less weight to what does not fit."""
        centre = median(values)
        residuals = [value - centre for value in values]
        level = centre
        for _ in range(ITERATIONS):
            limit = HUBER_K * max(_spread(residuals), 1e-12)
            weights = [_weight(abs(r) / limit) for r in residuals]
            coefficients = _weighted_fit(columns, values, weights)
            if coefficients is None:
                return level
            residuals = _residuals(columns, coefficients, values)
            if abs(coefficients[0] - level) <= 1e-7 * abs(coefficients[0]):
                return coefficients[0]
            level = coefficients[0]
        return level


def _weight(excess: float) -> float:
    """Return 1 inside the limit, falling beyond it, and nothing far out: a spike says nothing about the level."""
    if excess <= 1.0:
        return 1.0
    return 0.0 if excess > 3.0 else 1.0 / excess


def _residuals(columns: Matrix, coefficients: Sequence[float], values: Sequence[float]) -> list[float]:
    fitted = [sum(map(mul, coefficients, row)) for row in zip(*columns, strict=True)]
    return [value - fit for value, fit in zip(values, fitted, strict=True)]


def _spread(residuals: Sequence[float]) -> float:
    return MAD_TO_SD * median(map(abs, residuals))
