"""Which of the solutions of a curve is meant: the one within what was recorded."""

from __future__ import annotations

from typing import ClassVar

from pioreactor.exc import CalibrationError
from pioreactor.science.curves.curve import Curve

EDGE_TOLERANCE = 1e-12


class NoSolutionError(CalibrationError):
    """The curve never takes this value."""

    code: ClassVar[str] = "calibration_no_solution"


class BelowDomainError(CalibrationError):
    """The only solutions lie below what was recorded."""

    code: ClassVar[str] = "calibration_below_domain"


class AboveDomainError(CalibrationError):
    """The only solutions lie above what was recorded."""

    code: ClassVar[str] = "calibration_above_domain"


def invert(curve: Curve, y: float, *, low: float, high: float, enforce_bounds: bool = False) -> float:
    """Return the x at which the curve is y: the smallest within [low, high], else the closest to it.

    Raise `NoSolutionError` when there is none; with `enforce_bounds` also `BelowDomainError` or `AboveDomainError`.
    """
    solutions = curve.solutions(y)
    if not solutions:
        raise NoSolutionError(f"the curve never takes the value {y:g}")
    for x in solutions:
        if low <= x <= high:
            return x
    closest = min(solutions, key=lambda x: low - x if x < low else x - high)
    if not enforce_bounds:
        return closest
    if len(solutions) == 1 and low - EDGE_TOLERANCE <= closest <= high + EDGE_TOLERANCE:
        return min(max(closest, low), high)
    if closest < low:
        raise BelowDomainError(f"{y:g} would lie at {closest:g}, below the recorded {low:g}")
    raise AboveDomainError(f"{y:g} would lie at {closest:g}, above the recorded {high:g}")
