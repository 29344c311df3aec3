"""Concentration from light scattered at several angles at once.

Each angle has a curve of what it reads (ln of the relative voltage) against L = log10 of the concentration, and of how
much its readings scatter. No single angle says the concentration alone: 90° rises and falls again. Together they do.

`Fusion.estimate` is the mean of the posterior of L on a grid that is worked out once, with Student's t for errors, so
that one angle that is far off does not decide. `Fusion.most_likely` is the reference's estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pioreactor.exc import CalibrationError, InvalidRequestError
from pioreactor.science.curves.curve import PiecewiseCubic
from pioreactor.science.curves.fitting import Pieces, akima_fit

FEWEST_LEVELS = 4
SIGMA_FLOOR = 0.04
MIN_SLOPE = 0.05
MAD_TO_SD = 1.4826
LOW_CONCENTRATION_SCALES: Mapping[str, float] = {"135": 0.04, "90": 4.0, "45": 10.0}
"""How much the scatter of an angle counts at the lowest concentration, where all three angles are read."""

INVERSE_FREEDOM = 1 / 5
"""Five degrees of freedom: the exponent of the density, (5 + 1) / 2, is a whole number."""
GRID_POINTS = 192
REFERENCE_GRID_POINTS = 256
GOLDEN = (math.sqrt(5) - 1) / 2
MINIMA_REFINED = 4
GOLDEN_STEPS = 64
GOLDEN_PRECISION = 1e-6


@dataclass(frozen=True)
class Observation:
    """One reading of one angle of a standard."""

    angle: str
    concentration: float
    """Above 0, in the unit of the standards."""
    reading: float
    """Relative voltage, above 0."""


@dataclass(frozen=True)
class FusionCurves:
    """What a fit finds: curves of ln reading and of ln scatter against log10 concentration, for each angle."""

    mu: dict[str, Pieces]
    sigma_log: dict[str, Pieces]
    min_logc: float
    max_logc: float
    sigma_floor: float
    low_conc_scales: dict[str, float]


def fit_fusion(observations: Sequence[Observation]) -> FusionCurves:
    """Fit every angle that was observed; raise `InvalidRequestError` for fewer than 4 levels or values not above 0."""
    by_angle = _group_by_angle(observations)
    mu, sigma_log = {}, {}
    for angle, levels in by_angle.items():
        if len(levels) < FEWEST_LEVELS:
            raise InvalidRequestError(
                f"{angle}° was observed at {len(levels)} concentrations; {FEWEST_LEVELS} are needed"
            )
        at = sorted(levels)
        mu[angle] = akima_fit(at, [math.fsum(levels[level]) / len(levels[level]) for level in at])
        curve = PiecewiseCubic(*mu[angle])
        scatter = [_scatter([value - curve.evaluate(level) for value in levels[level]]) for level in at]
        sigma_log[angle] = akima_fit(at, [math.log(max(value, SIGMA_FLOOR)) for value in scatter])
    every_level = [level for levels in by_angle.values() for level in levels]
    has_all = set(LOW_CONCENTRATION_SCALES) <= set(by_angle)
    scales = dict(LOW_CONCENTRATION_SCALES) if has_all else {}
    return FusionCurves(mu, sigma_log, min(every_level), max(every_level), SIGMA_FLOOR, scales)


def _group_by_angle(observations: Sequence[Observation]) -> dict[str, dict[float, list[float]]]:
    """Return the logarithms of the readings by angle and log10 of the concentration."""
    by_angle: dict[str, dict[float, list[float]]] = {}
    for seen in observations:
        if not (seen.concentration > 0 and seen.reading > 0):
            raise InvalidRequestError(f"concentrations and readings must be above 0, not {seen}")
        levels = by_angle.setdefault(seen.angle, {})
        levels.setdefault(math.log10(seen.concentration), []).append(math.log(seen.reading))
    if not by_angle:
        raise InvalidRequestError("a fusion needs observations")
    return by_angle


def _scatter(residuals: Sequence[float]) -> float:
    middle = _median(residuals)
    return MAD_TO_SD * _median([abs(residual - middle) for residual in residuals])


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    n = len(ordered)
    return 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])


@dataclass(frozen=True)
class _Angle:
    mu: PiecewiseCubic
    sigma_log: PiecewiseCubic
    scale_at_lowest: float


class Fusion:
    """A set of fitted curves, ready for readings."""

    def __init__(self, curves: FusionCurves) -> None:
        if not curves.min_logc < curves.max_logc:
            raise CalibrationError("the estimator's concentrations span no range")
        self._low, self._high = curves.min_logc, curves.max_logc
        self._floor = curves.sigma_floor
        self._angles = {
            angle: _Angle(
                PiecewiseCubic(*curves.mu[angle]),
                PiecewiseCubic(*curves.sigma_log[angle]),
                curves.low_conc_scales.get(angle, 1.0),
            )
            for angle in curves.mu
        }
        step = (self._high - self._low) / (GRID_POINTS - 1)
        self._grid = [self._low + k * step for k in range(GRID_POINTS)]
        self._means: dict[str, list[float]] = {}
        self._precisions: dict[str, list[float]] = {}
        for name, angle in self._angles.items():
            self._means[name] = [angle.mu.evaluate(level) for level in self._grid]
            sigmas = [self._sigma(angle, level) * self._scale(angle, level) for level in self._grid]
            self._precisions[name] = [1.0 / (sigma * sigma) for sigma in sigmas]
        self._prior = [1.0] * GRID_POINTS
        for precisions in self._precisions.values():
            self._prior = [p * math.sqrt(precision) for p, precision in zip(self._prior, precisions, strict=True)]

    @property
    def angles(self) -> list[str]:
        return list(self._angles)

    def is_at_bound(self, concentration: float) -> bool:
        """Return whether an estimate lies at an end of what was calibrated, within 0.1 %."""
        return not (10.0**self._low * 1.001 < concentration < 10.0**self._high * 0.999)

    def _sigma(self, angle: _Angle, level: float) -> float:
        return max(math.exp(angle.sigma_log.evaluate(level)), self._floor)

    def _scale(self, angle: _Angle, level: float) -> float:
        """Return how much an angle's scatter counts: its own scale at the lowest concentration, 1 at the highest."""
        part = (level - self._low) / (self._high - self._low)
        return angle.scale_at_lowest + (1.0 - angle.scale_at_lowest) * part

    def _logs(self, readings: Mapping[str, float]) -> dict[str, float]:
        missing = sorted(set(self._angles) - set(readings))
        if missing:
            raise CalibrationError(f"the estimator needs a reading at {', '.join(missing)}°")
        dark = [angle for angle in self._angles if not readings[angle] > 0]
        if dark:
            raise CalibrationError(f"the reading at {', '.join(dark)}° is not above 0")
        return {angle: math.log(readings[angle]) for angle in self._angles}

    def estimate(self, readings: Mapping[str, float]) -> float:
        """Return the concentration from angle → relative voltage; raise `CalibrationError` if an angle is missing."""
        likelihood = [1.0] * GRID_POINTS
        for angle, y in self._logs(readings).items():
            likelihood = [
                so_far * (1.0 + precision * (y - mean) * (y - mean) * INVERSE_FREEDOM)
                for so_far, mean, precision in zip(likelihood, self._means[angle], self._precisions[angle], strict=True)
            ]
        weights = [prior / (value * value * value) for prior, value in zip(self._prior, likelihood, strict=True)]
        total = math.fsum(weights)
        mean = math.fsum([w * level for w, level in zip(weights, self._grid, strict=True)]) / total
        return math.pow(10.0, mean)

    def most_likely(self, readings: Mapping[str, float]) -> float:
        """Return the concentration by the reference's formula: the smallest pseudo-Huber cost."""
        logs = self._logs(readings)

        def cost(level: float) -> float:
            return math.fsum([self._cost_of(self._angles[angle], y, level) for angle, y in logs.items()])

        step = (self._high - self._low) / (REFERENCE_GRID_POINTS - 1)
        grid = [self._low + k * step for k in range(REFERENCE_GRID_POINTS)]
        costs = [cost(level) for level in grid]
        last = REFERENCE_GRID_POINTS - 1
        minima = [k for k in range(last + 1) if costs[max(k - 1, 0)] >= costs[k] <= costs[min(k + 1, last)]]
        minima = sorted(minima, key=costs.__getitem__)[:MINIMA_REFINED]
        refined = [_golden_section(cost, grid[max(k - 1, 0)], grid[min(k + 1, last)]) for k in minima]
        return math.pow(10.0, min(refined, key=cost))

    def _cost_of(self, angle: _Angle, y: float, level: float) -> float:
        slope = max(abs(angle.mu.slope(level)), MIN_SLOPE)
        sigma = self._sigma(angle, level) / slope * self._scale(angle, level)
        residual = (y - angle.mu.evaluate(level)) / sigma
        return math.sqrt(1.0 + residual * residual) - 1.0 + math.log(sigma)


def _golden_section(cost: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(GOLDEN_STEPS):
        if high - low <= GOLDEN_PRECISION:
            break
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if cost(left) <= cost(right):
            high = right
        else:
            low = left
    return 0.5 * (low + high)
