"""Fits a calibration's curve to what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pioreactor.calibrations.curves import AkimaFitData, CurveData, PolyFitCoefficients, SplineFitData
from pioreactor.exc import InvalidRequestError
from pioreactor.science.curves.fitting import MAX_KNOTS, akima_fit, poly_fit, spline_fit

MAX_MISFIT = 0.02
"""Share of a reading by which a curve may miss it; readings of one vial scatter by less."""
NEGLIGIBLE = 0.005
"""Share of the span of all readings by which a curve may miss beside that."""


def fit_curve(
    x: Sequence[float],
    y: Sequence[float],
    kind: str,
    *,
    complexity: int | Literal["auto"] = "auto",
    weights: Sequence[float] | None = None,
) -> CurveData:
    """Return a curve of a kind ("poly", "spline", "akima") through data.

    `complexity` is the degree of a polynomial or the number of a spline's knots; "auto" is chosen by AICc. Akima goes
    through every point, and takes neither complexity nor weights. Raise `InvalidRequestError` for data too few.
    """
    match kind:
        case "poly":
            return PolyFitCoefficients(poly_fit(x, y, degree=complexity, weights=weights))
        case "spline":
            return SplineFitData(*spline_fit(x, y, knots=complexity, weights=weights))
        case "akima":
            return AkimaFitData(*akima_fit(x, y))
        case _:
            raise InvalidRequestError(f"there is no curve {kind!r}; there are poly, spline and akima")


def fit_standards(x: Sequence[float], y: Sequence[float]) -> SplineFitData:
    """Return a spline with as few knots as fit every standard within `MAX_MISFIT`.

    AICc, which `fit_curve` chooses by, takes scatter for likelier than a bend when there are only a handful of points;
    each standard is a mean of readings of one known density, so a bend is what it is.
    """
    most = min(MAX_KNOTS, len(set(x)))
    slack = NEGLIGIBLE * (max(y) - min(y)) if y else 0.0
    for knots in range(2, most):
        fit = SplineFitData(*spline_fit(x, y, knots=knots))
        misses = [abs(fit.curve.evaluate(at) - seen) - MAX_MISFIT * abs(seen) for at, seen in zip(x, y, strict=True)]
        if max(misses) <= slack:
            return fit
    return SplineFitData(*spline_fit(x, y, knots=max(2, most)))


def fit_through_origin(x: Sequence[float], y: Sequence[float]) -> PolyFitCoefficients:
    """Return the line through the origin that fits best, as pumps have it; raise `InvalidRequestError` without x."""
    squares = sum(value * value for value in x)
    if len(x) != len(y) or squares == 0:
        raise InvalidRequestError("a line through the origin needs as many y as x, and an x that is not 0")
    return PolyFitCoefficients([sum(a * b for a, b in zip(x, y, strict=True)) / squares, 0.0])
