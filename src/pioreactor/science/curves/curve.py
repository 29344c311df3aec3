"""Curves as prepared for use: evaluated in a microsecond, solved for x in a few.

Where a curve turns does not depend on the value that is looked for. So its monotone runs are worked out once, and
looking for a value is a bisection in each run, then a few of Newton's steps.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Protocol

from pioreactor.science.curves.monotone import OpenEnd, Run, Segment, derivative, horner

MERGED_WITHIN = 1e-7
"""Solutions closer than this are one."""


MAX_REVERSAL = 0.5
"""Share of its span by which a curve may turn back: light at 45° falls by a fifth before it rises with density."""
CONSTANT_WITHIN = 1e-6
"""A curve whose span is a smaller share of its largest value is constant."""
MAX_SPAN = 1e12
"""Largest difference of y over a range; numbers close to the largest that a float holds cannot be computed with."""
MIN_WIDTH, MIN_SPAN = 1e-6, 1e-9
"""Smallest differences of x and of y that are told apart."""
STEPS = 32
ROUNDING = 1e-13
"""Terms smaller than this part of a piece's largest are left over from rounding."""


class Curve(Protocol):
    """A function of one variable, given by pieces of polynomials."""

    def evaluate(self, x: float) -> float:
        """Return y at x; beyond its data a curve is extrapolated by its outermost piece."""
        ...

    def slope(self, x: float) -> float:
        """Return dy/dx at x."""
        ...

    def solutions(self, y: float) -> list[float]:
        """Return every x at which the curve takes the value y, ascending; none for a constant curve."""
        ...


class _Solver:
    """Monotone runs and open ends of a curve."""

    def __init__(self, segments: Sequence[Segment], left: OpenEnd, right: OpenEnd) -> None:
        runs: list[list[Segment]] = []
        direction = 0.0
        for segment in segments:
            rise = segment.value(segment.high) - segment.value(segment.low)
            if not runs or rise * direction < 0:
                runs.append([])
                direction = 0.0
            runs[-1].append(segment)
            direction = rise if rise else direction
        self._parts: list[OpenEnd | Run] = [left, *(Run(run) for run in runs), right]

    def solutions(self, y: float) -> list[float]:
        found: list[float] = []
        for part in self._parts:
            x = part.where(y)
            if x is not None and not any(abs(x - other) <= MERGED_WITHIN for other in found):
                found.append(x)
        found.sort()
        return found


def _stripped(coefficients: Sequence[float]) -> tuple[float, ...]:
    values = [float(value) for value in coefficients]
    while len(values) > 1 and values[0] == 0.0:
        values.pop(0)
    return tuple(values)


def _without_rounding(piece: Sequence[float], width: float) -> tuple[float, ...]:
    """Return a piece from its highest power that matters: a cubic term of 1e-17 would have a solution far out."""
    sizes = [abs(value) * width**power for power, value in enumerate(piece)]
    limit = ROUNDING * max(sizes)
    kept = len(piece)
    while kept > 1 and sizes[kept - 1] <= limit:
        kept -= 1
    return tuple(piece[:kept][::-1])


class Polynomial:
    """A polynomial; coefficients from the highest power to the constant."""

    def __init__(self, coefficients: Sequence[float]) -> None:
        self._coefficients = _stripped(coefficients)
        self._derivative = derivative(self._coefficients)
        self._solver: _Solver | None = None

    def evaluate(self, x: float) -> float:
        return horner(self._coefficients, x)

    def slope(self, x: float) -> float:
        return horner(self._derivative, x)

    def solutions(self, y: float) -> list[float]:
        coefficients = self._coefficients
        if len(coefficients) == 1:
            return []
        if len(coefficients) == 2:
            return [(y - coefficients[1]) / coefficients[0]]
        if self._solver is None:
            self._solver = self._prepare()
        return self._solver.solutions(y)

    def _prepare(self) -> _Solver:
        turns = Polynomial(self._derivative).solutions(0.0)
        breaks = turns if turns else [0.0]
        coefficients = self._coefficients
        segments = [Segment(0.0, coefficients, low, high) for low, high in pairwise(breaks)]
        left = Segment(0.0, coefficients, breaks[0], breaks[0])
        right = Segment(0.0, coefficients, breaks[-1], breaks[-1])
        return _Solver(segments, OpenEnd(left, to_the_right=False), OpenEnd(right, to_the_right=True))


class PiecewiseCubic:
    """Cubics between knots: piece i is a + b·u + c·u² + d·u³ with u = x − knot i."""

    def __init__(self, knots: Sequence[float], coefficients: Sequence[Sequence[float]]) -> None:
        self.knots = tuple(float(knot) for knot in knots)
        self._pieces = [tuple(float(value) for value in piece) for piece in coefficients]
        self._inner = self.knots[1:-1]
        self._solver: _Solver | None = None

    def evaluate(self, x: float) -> float:
        index = bisect_right(self._inner, x)
        a, b, c, d = self._pieces[index]
        u = x - self.knots[index]
        return a + u * (b + u * (c + u * d))

    def slope(self, x: float) -> float:
        index = bisect_right(self._inner, x)
        _, b, c, d = self._pieces[index]
        u = x - self.knots[index]
        return b + u * (2.0 * c + u * 3.0 * d)

    def solutions(self, y: float) -> list[float]:
        if self._solver is None:
            self._solver = self._prepare()
        return self._solver.solutions(y)

    def _prepare(self) -> _Solver:
        segments: list[Segment] = []
        last = len(self._pieces) - 1
        left_breaks: list[float] = [self.knots[0]]
        right_breaks: list[float] = [self.knots[-1]]
        for index, piece in enumerate(self._pieces):
            origin, end = self.knots[index], self.knots[index + 1]
            high_to_low = _without_rounding(piece, end - origin)
            turns = _turns(origin, high_to_low)
            inside = [x for x in turns if origin < x < end]
            left_breaks += [x for x in turns if index == 0 and x < origin]
            right_breaks += [x for x in turns if index == last and x > end]
            breaks = [origin, *inside, end]
            segments += [Segment(origin, high_to_low, low, high) for low, high in pairwise(breaks)]
        return _extended(segments, sorted(left_breaks), sorted(right_breaks))


def _turns(origin: float, high_to_low: Sequence[float]) -> list[float]:
    """Return where the slope of a piece is 0; a constant piece has no such places."""
    if not high_to_low[:-1]:
        return []
    return [origin + u for u in Polynomial(derivative(high_to_low)).solutions(0.0)]


def _extended(segments: list[Segment], left_breaks: list[float], right_breaks: list[float]) -> _Solver:
    """Return a solver that continues the outer pieces beyond the knots, divided at these places."""
    first_piece, last_piece = segments[0], segments[-1]
    before = [first_piece.between(low, high) for low, high in pairwise(left_breaks)]
    after = [last_piece.between(low, high) for low, high in pairwise(right_breaks)]
    left = OpenEnd(first_piece.between(left_breaks[0], left_breaks[0]), to_the_right=False)
    right = OpenEnd(last_piece.between(right_breaks[-1], right_breaks[-1]), to_the_right=True)
    return _Solver([*before, *segments, *after], left, right)


def sampled(curve: Curve, low: float, high: float) -> list[float]:
    """Return values of a curve from low to high, several of each piece; raise `ValueError` if one is not finite."""
    breaks = [low, *(knot for knot in getattr(curve, "knots", ()) if low < knot < high), high]
    places = [a + (b - a) * k / STEPS for a, b in pairwise(breaks) for k in range(STEPS)]
    values = [curve.evaluate(x) for x in (*places, high)]
    if not all(math.isfinite(value) for value in values):
        raise ValueError("its curve is not finite over its range")
    return values


def check_invertible(curve: Curve, low: float, high: float) -> bool:
    """Return whether a curve rises from low to high, False if it falls; raise `ValueError` if it does neither."""
    values = sampled(curve, low, high)
    span = max(values) - min(values)
    if high - low < MIN_WIDTH or span <= max(MIN_SPAN, CONSTANT_WITHIN * max(abs(value) for value in values)):
        raise ValueError(f"its curve is constant from {low:g} to {high:g}, so no value can be read from it")
    if span > MAX_SPAN:
        raise ValueError(f"its curve changes by {span:g} from {low:g} to {high:g}, which no sensor shows")
    rises = values[-1] > values[0]
    ascending = values if rises else [-value for value in values]
    reversal = max(top - value for top, value in zip(accumulate(ascending, max), ascending, strict=True))
    if reversal > MAX_REVERSAL * span:
        raise ValueError(f"its curve turns back between {low:g} and {high:g}, so one value has several meanings")
    return rises
