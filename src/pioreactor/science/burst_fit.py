"""Fits of a level and of mains hum to the samples of one burst, whatever a minority of the samples is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from operator import mul
from statistics import median

from pioreactor.science import least_squares
from pioreactor.science.least_squares import Matrix, Vector

MAINS_HZ = (50.0, 60.0)
HARMONIC = 3
"""Highest harmonic of the mains that is fitted: in real bursts the third reaches a fifth of the fundamental."""
OUTLIER_K = 3.3
"""Samples beyond this many standard deviations are excluded."""
SURELY_GOOD = 0.65
"""Fraction of the samples that is assumed to be free of outliers."""
WORST_VARIANCE = 5.0
"""Limit of the variance of a level fitted with waves, relative to one without."""
ITERATIONS = 8
ROUNDS_OF_WEIGHTING = 5
STEPS_OF_A_CONVERTER = 0.4
"""Lower bound of the standard deviation, as a fraction of the converter's step."""
FEWEST_SAMPLES = 12
MAD_TO_SD = 1.4826
SAME_SCHEDULE_DECIMALS = 5
"""Jitter below 20 µs turns the phase of 60 Hz by less than half a degree: the schedule counts as the same."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Result of a fit, in the unit of the samples."""

    level: float
    coefficients: Vector
    residuals: Vector
    """Residual of each sample, including excluded ones."""
    noise: float
    """Standard deviation of the samples that were fitted."""
    inverse: Matrix
    kept: list[int] | None = None
    """The samples that were fitted; None: all."""

    @property
    def amplitudes(self) -> Vector:
        """Amplitude of each wave."""
        waves = self.coefficients[1:]
        return list(map(math.hypot, waves[::2], waves[1::2]))

    @property
    def hum(self) -> float:
        """Amplitude of the strongest wave."""
        return max(self.amplitudes)

    @property
    def typical(self) -> float:
        """Standard deviation of most samples."""
        return _typical(list(map(abs, self.residuals)))


class Schedule:
    """The moments at which a burst was sampled, prepared for any number of channels.

    It fits a level and waves of given frequencies.
    """

    def __init__(self, times_s: Sequence[float], frequencies: Sequence[float]) -> None:
        """`times_s`: moments [s] from any start."""
        self._times = tuple(times_s)
        self.frequencies = tuple(frequencies)
        self._columns = _columns(times_s, frequencies)
        degrees = len(times_s) - len(self._columns)
        self._lost = math.sqrt(len(times_s) / degrees) if degrees > 0 else 1.0
        enough = len(times_s) >= FEWEST_SAMPLES
        inverse = least_squares.inverse(least_squares.normal(self._columns)) if enough else None
        self._inverse = inverse if inverse is not None else []
        self.is_long_enough = inverse is not None
        """Whether there are moments enough, and different ones, for any fit."""
        self.tells_level_from_hum = inverse is not None and inverse[0][0] * len(times_s) < WORST_VARIANCE
        """Not when a wave is nearly the same at all moments."""

    @property
    def samples(self) -> int:
        return len(self._times)

    @property
    def duration_s(self) -> float:
        return self._times[-1] - self._times[0]

    def followed_at(self, hz: float) -> Schedule:
        """Return the same moments for mains of one frequency and, where that can be told, its third harmonic."""
        with_harmonics = _schedule(self._times, (hz, HARMONIC * hz))
        return with_harmonics if with_harmonics.tells_level_from_hum else _schedule(self._times, (hz,))

    def fit(self, values: Sequence[float]) -> Fit:
        """Fit all samples by least squares."""
        inverse = self._inverse
        found = least_squares.solved(inverse, least_squares.products(self._columns, values))
        left = least_squares.residuals(found, self._columns, values)
        return Fit(found[0], found, left, self._noise(left, None, len(found)), inverse)

    def robust_fit(self, values: Sequence[float]) -> Fit:
        """Fit the samples that agree with one another.

        Least absolute deviations find the majority; the two thirds that fit best are fitted until they stay the same
        (least trimmed squares); then all that lie within a few standard deviations of that fit come back.
        """
        n = len(values)
        fit = self.least_absolute(values)
        most = math.ceil(SURELY_GOOD * n)
        kept: list[int] = []
        for _ in range(ITERATIONS):
            sizes = list(map(abs, fit.residuals))
            before, kept = kept, sorted(sorted(range(n), key=sizes.__getitem__)[:most])
            if kept == before:
                break
            fit = self._fit_some(values, kept, fit)
        least = STEPS_OF_A_CONVERTER * _step(values)
        for _ in range(ITERATIONS):
            sizes = list(map(abs, fit.residuals))
            limit = OUTLIER_K * max(_typical(sizes) * self._lost, least)
            before, kept = kept, [k for k, size in enumerate(sizes) if size <= limit]
            if kept == before:
                break
            fit = self._fit_some(values, kept, fit)
        return fit

    def strongest_hz(self, fit: Fit) -> float:
        """Return the frequency whose wave is the strongest."""
        return max(zip(fit.amplitudes, self.frequencies, strict=True))[1]

    def follow(self, values: Sequence[float], fit: Fit | None = None) -> tuple[Fit, float]:
        """Fit level, hum and, to first order, how far the mains are off this schedule's frequency [Hz].

        One Gauss–Newton step for one more unknown, a deviation that all harmonics share. `fit`: to these samples, and
        of those that it kept; None: all samples.
        """
        inverse = self._inverse if fit is None else fit.inverse
        columns, some, kept = self._columns, values, None if fit is None else fit.kept
        if kept is not None:
            columns, some = _picked(columns, kept), [values[k] for k in kept]
        found = (
            least_squares.solved(inverse, least_squares.products(columns, values)) if fit is None else fit.coefficients
        )
        slope = self._slope_by_hz(found)
        steep = slope if kept is None else [slope[k] for k in kept]
        products = least_squares.products(columns, steep)
        known = least_squares.solved(inverse, products)
        square = sum(map(mul, steep, steep)) - sum(map(mul, products, known))
        off_hz = (sum(map(mul, steep, some)) - sum(map(mul, products, found))) / square if square > 0.0 else 0.0
        found = [c - off_hz * k for c, k in zip(found, known, strict=True)]
        left = least_squares.residuals([*found, off_hz], [*self._columns, slope], values)
        return Fit(found[0], found, left, self._noise(left, kept, len(found) + 1), inverse, kept), off_hz

    def _slope_by_hz(self, coefficients: Vector) -> Vector:
        """Return how the samples change when the frequency does."""
        b, c = coefficients[1], coefficients[2]
        sines, cosines = self._turning[:2]
        if len(coefficients) == 3:
            return [b * y - c * x for x, y in zip(sines, cosines, strict=True)]
        b3, c3 = HARMONIC * coefficients[3], HARMONIC * coefficients[4]
        return [b * y - c * x + b3 * y3 - c3 * x3 for x, y, x3, y3 in zip(*self._turning, strict=True)]

    @cached_property
    def _turning(self) -> Matrix:
        """The waves, times the angle by which one more hertz turns them from the middle of the burst."""
        middle = self._times[0] + self.duration_s / 2
        turns = [2 * math.pi * (t - middle) for t in self._times]
        return [list(map(mul, turns, column)) for column in self._columns[1:]]

    def _noise(self, left: Vector, kept: list[int] | None, unknowns: int) -> float:
        chosen = left if kept is None else [left[k] for k in kept]
        return math.sqrt(sum(map(mul, chosen, chosen)) / max(len(chosen) - unknowns, 1))

    def least_absolute(self, values: Sequence[float]) -> Fit:
        """Fit all samples by least absolute deviations, roughly: squares, weighted again and again."""
        columns, fit = self._columns, self.fit(values)
        for _ in range(ROUNDS_OF_WEIGHTING):
            sizes = list(map(abs, fit.residuals))
            floor = 0.1 * _typical(sizes) + 1e-12
            weights = [1.0 / (size + floor) for size in sizes]
            total = sum(weights) / len(weights)
            weighted = [[w / total * x for w, x in zip(weights, column, strict=True)] for column in columns]
            inverse = least_squares.inverse(least_squares.normal(columns, weighted))
            if inverse is None:
                break
            found = least_squares.solved(inverse, least_squares.products(weighted, values))
            fit = Fit(found[0], found, least_squares.residuals(found, columns, values), fit.noise, inverse)
        return fit

    def _fit_some(self, values: Sequence[float], kept: list[int], fit: Fit) -> Fit:
        """Fit some of the samples. No change if they are too few."""
        some = _picked(self._columns, kept)
        inverse = least_squares.inverse(least_squares.normal(some))
        if inverse is None:
            return fit
        found = least_squares.solved(inverse, least_squares.products(some, [values[k] for k in kept]))
        left = least_squares.residuals(found, self._columns, values)
        return Fit(found[0], found, left, self._noise(left, kept, len(found)), inverse, kept)


def _columns(times_s: Sequence[float], frequencies: Sequence[float]) -> Matrix:
    columns = [[1.0] * len(times_s)]
    for hz in frequencies:
        phases = [2 * math.pi * hz * t for t in times_s]
        columns.append(list(map(math.sin, phases)))
        columns.append(list(map(math.cos, phases)))
    return columns


def _picked(columns: Matrix, kept: list[int]) -> Matrix:
    return [[column[k] for k in kept] for column in columns]


def _typical(sizes: Vector) -> float:
    """Return the standard deviation from how far off samples are, whatever a minority of them is."""
    return MAD_TO_SD * median(sizes)


def _step(values: Sequence[float]) -> float:
    """Return the smallest step between different samples: a converter's resolution, if noise is not far above it."""
    steps = [high - low for low, high in pairwise(sorted(values))]
    return min((step for step in steps if step > 1e-12), default=0.0)


@lru_cache(maxsize=32)
def _schedule(times_s: tuple[float, ...], frequencies: tuple[float, ...]) -> Schedule:
    return Schedule(times_s, frequencies)


def schedule(times_s: Sequence[float], *, mains_hz: float | None = None) -> Schedule:
    """Return the schedule of samples taken at times [s]; one that repeats is worked out once.

    `mains_hz`: the mains frequency where it is known; None takes out both.
    """
    frequencies = MAINS_HZ if mains_hz is None else (mains_hz,)
    return _schedule(tuple([round(t, SAME_SCHEDULE_DECIMALS) for t in times_s]), frequencies)
