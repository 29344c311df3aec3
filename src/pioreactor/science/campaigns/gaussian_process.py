"""A Gaussian process with a Matérn 5/2 kernel, a length scale for each factor, and noise; fitted with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pioreactor.science.campaigns.search_space import Array
from pioreactor.science.campaigns.sobol_sequence import sobol_points

LENGTHS: Final = (0.05, 5.0)
"""Length scales in ranges of a factor."""
NOISES: Final = (1e-6, 1.0)
"""Variance of the noise, in variances of the process."""
USUAL_LENGTH: Final = 0.5
USUAL_NOISE: Final = 1e-2
_SPREAD_OF_LENGTH: Final = 0.8
_SPREAD_OF_NOISE: Final = 2.0
_STARTS: Final = 64
_FINEST: Final = 0.05
_MAX_FITTED: Final = 80
"""Values that scales and noise are fitted to; predictions use all."""
_AT_ONCE: Final = 512


@dataclass(frozen=True)
class GaussianProcess:
    """What is known of an objective over the unit cube."""

    points: Array
    values: Array
    """Standardized."""
    center: float
    scale: float
    lengths: Array
    noise: float
    variance: float
    """Of the process, of standardized values."""
    inverse: Array
    """Of the Cholesky factor of the correlations with noise."""

    def predict(self, at: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of the objective, without the noise of a measurement."""
        parts = [self._predict(at[start : start + _AT_ONCE]) for start in range(0, len(at), _AT_ONCE)]
        return np.concatenate([mean for mean, _ in parts]), np.concatenate([spread for _, spread in parts])

    def _predict(self, at: Array) -> tuple[Array, Array]:
        half = matern(at / self.lengths, self.points / self.lengths) @ self.inverse.T
        spread = np.sqrt(self.variance * np.maximum(1.0 - (half**2).sum(axis=1), 1e-12))
        return self.center + self.scale * (half @ (self.inverse @ self.values)), self.scale * spread

    def with_values(self, points: Array, values: Array) -> GaussianProcess:
        """Return the process as it would be with more values, its scales unchanged."""
        points = np.vstack([self.points, points])
        standardized = np.concatenate([self.values, (values - self.center) / self.scale])
        inverse = _inverse(_lower(matern(points / self.lengths, points / self.lengths), self.noise))
        return replace(self, points=points, values=standardized, inverse=inverse)


def matern(one: Array, other: Array) -> Array:
    """Return correlations of the Matérn 5/2 kernel between rows that are divided by the length scales."""
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2.0 * one @ other.T
    distance = np.sqrt(5.0 * np.maximum(squares, 0.0))
    return np.asarray((1.0 + distance + distance**2 / 3.0) * np.exp(-distance))


def fit(points: Array, values: Array) -> GaussianProcess:
    """Fit length scales and noise by the largest posterior density; at least two values, all finite."""
    center, scale = float(values.mean()), float(values.std())
    scale = scale if scale > 0.0 else 1.0
    standardized = (values - center) / scale
    used = _representative(standardized)
    chosen = _search(points[used], standardized[used])
    lengths, noise = np.exp(chosen[:-1]), float(np.exp(chosen[-1]))
    lower = _lower(matern(points / lengths, points / lengths), noise)
    variance = _variance(lower, standardized)
    return GaussianProcess(points, standardized, center, scale, lengths, noise, variance, _inverse(lower))


def _representative(standardized: Array) -> NDArray[np.intp]:
    """Return which values the scales are fitted to: all, or of many the best quarter and others evenly."""
    if len(standardized) <= _MAX_FITTED:
        return np.arange(len(standardized), dtype=np.intp)
    order = np.argsort(-standardized, kind="stable")
    best, rest = order[: _MAX_FITTED // 4], order[_MAX_FITTED // 4 :]
    evenly = np.linspace(0, len(rest) - 1, _MAX_FITTED - len(best)).astype(int)
    return np.sort(np.concatenate([best, rest[evenly]]))


def _lower(correlations: Array, noise: float) -> Array:
    return np.asarray(np.linalg.cholesky(correlations + (noise + 1e-8) * np.eye(len(correlations))), dtype=np.float64)


def _inverse(lower: Array) -> Array:
    return np.asarray(np.linalg.inv(lower), dtype=np.float64)


def _variance(lower: Array, standardized: Array) -> float:
    """Return the most likely variance of the process; a pseudo-value of 1 keeps it from 0."""
    half = np.linalg.solve(lower, standardized)
    return (float(half @ half) + 1.0) / (len(standardized) + 1.0)


def _search(points: Array, standardized: Array) -> Array:
    """Return logarithms of length scales and noise: the best of a Sobol sequence, improved along each axis."""
    dimensions = points.shape[1]
    low = np.log([*[LENGTHS[0]] * dimensions, NOISES[0]])
    high = np.log([*[LENGTHS[1]] * dimensions, NOISES[1]])
    starts = low + sobol_points(_STARTS, min(dimensions + 1, 8), np.random.default_rng(0))[:, _columns(dimensions)] * (
        high - low
    )
    usual = np.log([*[USUAL_LENGTH] * dimensions, USUAL_NOISE])
    best = max([usual, *starts], key=lambda at: _log_density(points, standardized, at))
    return _climb(points, standardized, best, low, high)


def _columns(dimensions: int) -> list[int]:
    return [index % 8 for index in range(dimensions + 1)]


def _climb(points: Array, standardized: Array, best: Array, low: Array, high: Array) -> Array:
    density, step = _log_density(points, standardized, best), 0.5
    while step > _FINEST:
        before = density
        for axis in range(len(best)):
            for sign in (-1.0, 1.0):
                moved = best.copy()
                moved[axis] = np.clip(moved[axis] + sign * step, low[axis], high[axis])
                found = _log_density(points, standardized, moved)
                if found > density:
                    best, density = moved, found
        if density - before < 1e-3:
            step /= 2.0
    return best


def _log_density(points: Array, standardized: Array, at: Array) -> float:
    """Return the logarithm of marginal likelihood times prior, the variance at its most likely value."""
    lengths = np.exp(at[:-1])
    lower = _lower(matern(points / lengths, points / lengths), float(np.exp(at[-1])))
    count = len(standardized)
    likelihood = -0.5 * count * np.log(_variance(lower, standardized)) - np.log(np.diag(lower)).sum()
    prior = (((at[:-1] - np.log(USUAL_LENGTH)) / _SPREAD_OF_LENGTH) ** 2).sum()
    prior += ((at[-1] - np.log(USUAL_NOISE)) / _SPREAD_OF_NOISE) ** 2
    return float(likelihood - 0.5 * prior)
