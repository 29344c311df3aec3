"""Finds where a cubic-like segment takes a value, and collects segments into runs that only rise or only fall."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

MAX_ITERATIONS = 100
MAX_DOUBLINGS = 200
TANGENT_TOLERANCE = 1e-12
"""A turning point this close to a value, relative to the sizes involved, is taken to touch it."""


def horner(coefficients: Sequence[float], u: float) -> float:
    """Return a polynomial's value; coefficients from the highest power to the constant."""
    total = 0.0
    for coefficient in coefficients:
        total = total * u + coefficient
    return total


def derivative(coefficients: Sequence[float]) -> list[float]:
    degree = len(coefficients) - 1
    return [coefficient * (degree - k) for k, coefficient in enumerate(coefficients[:-1])]


def root_between(coefficients: Sequence[float], y: float, low: float, high: float) -> float:
    """Return where a polynomial that is monotone on [low, high] takes the value y, which it does there.

    Newton's steps, with bisection for those that leave the bracket.
    """
    f_low = horner(coefficients, low) - y
    f_high = horner(coefficients, high) - y
    if f_low == 0.0 or low == high:
        return low
    if f_high == 0.0:
        return high
    rises = f_high > f_low
    tolerance = 4e-16 * max(abs(low), abs(high))
    u = low - f_low * (high - low) / (f_high - f_low)
    for _ in range(MAX_ITERATIONS):
        value, slope = 0.0, 0.0
        for coefficient in coefficients:
            slope = slope * u + value
            value = value * u + coefficient
        value -= y
        if value == 0.0:
            return u
        if (value > 0.0) == rises:
            high = u
        else:
            low = u
        following = u - value / slope if slope else low
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - u) <= tolerance:
            return following
        u = following
    return u


class Segment:
    """A stretch of one polynomial piece, in u = x − origin."""

    __slots__ = ("coefficients", "high", "low", "origin")

    def __init__(self, origin: float, coefficients: Sequence[float], low: float, high: float) -> None:
        self.origin = origin
        self.coefficients = tuple(coefficients)
        self.low = low
        self.high = high

    def where(self, y: float) -> float:
        """Return the x at which it takes the value y."""
        return self.origin + root_between(self.coefficients, y, self.low - self.origin, self.high - self.origin)

    def value(self, x: float) -> float:
        return horner(self.coefficients, x - self.origin)

    def between(self, low: float, high: float) -> Segment:
        """Return another stretch of the same polynomial."""
        return Segment(self.origin, self.coefficients, low, high)


class Run:
    """Adjacent segments that all rise, or all fall."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = list(segments)
        values = [segment.value(segment.low) for segment in segments]
        values.append(segments[-1].value(segments[-1].high))
        self._sign = 1.0 if values[-1] >= values[0] else -1.0
        # Rounding may leave equal neighbors a hair out of order.
        rising, top = [], -float("inf")
        for value in values:
            top = max(top, self._sign * value)
            rising.append(top)
        self._rising = rising

    def where(self, y: float) -> float | None:
        """Return the smallest x at which the run takes the value y, None when it does not."""
        wanted, rising = self._sign * y, self._rising
        tolerance = TANGENT_TOLERANCE * (abs(wanted) + abs(rising[0]) + abs(rising[-1]))
        if wanted < rising[0]:
            return self._segments[0].low if wanted >= rising[0] - tolerance else None
        if wanted > rising[-1]:
            return self._segments[-1].high if wanted <= rising[-1] + tolerance else None
        index = max(bisect_left(rising, wanted) - 1, 0)
        return self._segments[index].where(y)


class OpenEnd:
    """The last piece of a curve, from its outermost turning point or knot to infinity."""

    def __init__(self, segment: Segment, *, to_the_right: bool) -> None:
        self._segment = segment
        self._start = segment.low if to_the_right else segment.high
        self._direction = 1.0 if to_the_right else -1.0

    def where(self, y: float) -> float | None:
        segment, start = self._segment, self._start
        coefficients, origin = segment.coefficients, segment.origin
        level = horner(coefficients, start - origin)
        before = level - y
        if abs(before) <= TANGENT_TOLERANCE * (abs(level) + abs(y)):
            return start
        if len(coefficients) < 2:
            return None
        if len(coefficients) == 2:
            found = origin + (y - coefficients[1]) / coefficients[0]
            return found if (found - start) * self._direction >= 0 else None
        step = max(1e-3, 1e-3 * abs(start))
        for _ in range(MAX_DOUBLINGS):
            far = start + self._direction * step
            value = horner(coefficients, far - origin) - y
            if value == 0.0 or (value > 0.0) != (before > 0.0):
                low, high = sorted((start, far))
                return origin + root_between(coefficients, y, low - origin, high - origin)
            if abs(value) > abs(before):
                return None
            step *= 2.0
        return None
