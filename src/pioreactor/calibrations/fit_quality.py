"""Measures of how well a curve describes what was recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pioreactor.calibrations.curves import CurveData

Range = tuple[float, float]
Recorded = Mapping[Literal["x", "y"], Sequence[float]]
_EXACT = 1e-9
_SAMPLES = 17


def range_of_x(data: CurveData, recorded: Recorded) -> Range:
    """Return the range that was recorded; without one that of the knots, and 0 to 1 for a polynomial.

    It begins at 0 for a curve through the origin, as that of a pump is.
    """
    values, knots = recorded.get("x", ()), getattr(data, "knots", (0.0, 1.0))
    low, high = (min(values), max(values)) if values else (knots[0], knots[-1])
    begins_at_origin = abs(data.curve.evaluate(0.0)) <= _EXACT * abs(data.curve.evaluate(high))
    return (min(low, 0.0), high) if begins_at_origin else (low, high)


def range_of_y(data: CurveData, recorded: Recorded) -> Range:
    """Return the smallest and largest value of the curve over `range_of_x`."""
    low, high = range_of_x(data, recorded)
    values = [data.curve.evaluate(low + (high - low) * k / (_SAMPLES - 1)) for k in range(_SAMPLES)]
    return min(values), max(values)


def r(data: CurveData, recorded: Recorded) -> float | None:
    """Return the correlation of recorded and fitted y; None with fewer than two different x."""
    fitted, values = [data.curve.evaluate(x) for x in recorded.get("x", ())], recorded.get("y", ())
    if len(set(fitted)) < 2:
        return None
    return _correlation(values, fitted) if len(set(values)) > 1 else 0.0


def _correlation(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return Pearson's r; `statistics.correlation` would cost each pump's process a megabyte."""
    x_mean, y_mean = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    dx, dy = [x - x_mean for x in xs], [y - y_mean for y in ys]
    x_size, y_size = math.hypot(*dx), math.hypot(*dy)
    return math.fsum((x / x_size) * (y / y_size) for x, y in zip(dx, dy, strict=True))


def residual(data: CurveData, recorded: Recorded) -> float | None:
    """Return by how much points miss the curve (root mean square), as a share of its span; None without points."""
    misses = [y - data.curve.evaluate(x) for x, y in zip(recorded.get("x", ()), recorded.get("y", ()), strict=True)]
    low, high = range_of_y(data, recorded)
    if not misses or not high > low:
        return None
    return math.hypot(*misses) / math.sqrt(len(misses)) / (high - low)


def parameters(data: CurveData) -> int:
    """Return the number of values that a fit of the curve chooses."""
    knots = getattr(data, "knots", None)
    return len(knots) if knots is not None else sum(1 for value in data.coefficients if value)


def is_exact(data: CurveData, recorded: Recorded) -> bool:
    """Return whether the curve passes through all points because they are too few for anything else."""
    missed = residual(data, recorded)
    return missed is not None and missed <= _EXACT and len(set(recorded.get("x", ()))) <= parameters(data)
