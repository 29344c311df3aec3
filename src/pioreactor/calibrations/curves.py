"""Curves as calibrations and estimators store them."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

from msgspec import Struct

from pioreactor.science.curves import Curve, PiecewiseCubic, Polynomial


class PolyFitCoefficients(Struct, tag="poly", tag_field="type", frozen=True, dict=True):
    """A polynomial; coefficients from the highest power to the constant."""

    coefficients: list[float]

    def __post_init__(self) -> None:
        if not self.coefficients:
            raise ValueError("a polynomial needs at least one coefficient")

    @cached_property
    def curve(self) -> Curve:
        """Return the curve that the coefficients define."""
        return Polynomial(self.coefficients)


class _PiecewiseFit(Struct, tag_field="type", frozen=True, dict=True):
    """Cubic polynomials between knots: piece i is a + b·u + c·u² + d·u³ with u = x − knot i."""

    knots: list[float]
    coefficients: list[list[float]]

    def __post_init__(self) -> None:
        knots, pieces = self.knots, self.coefficients
        if len(knots) < 2 or len(pieces) != len(knots) - 1 or any(len(piece) != 4 for piece in pieces):
            raise ValueError("a piecewise curve of n ≥ 2 knots needs n − 1 pieces of 4 coefficients")
        if any(low >= high for low, high in pairwise(knots)):
            raise ValueError("knots must ascend")

    @cached_property
    def curve(self) -> Curve:
        """Return the curve that the coefficients define."""
        return PiecewiseCubic(self.knots, self.coefficients)


class SplineFitData(_PiecewiseFit, tag="spline", frozen=True):
    """A natural cubic regression spline."""


class AkimaFitData(_PiecewiseFit, tag="akima", frozen=True):
    """An Akima interpolation, which passes through its points and does not overshoot."""


CurveData = PolyFitCoefficients | SplineFitData | AkimaFitData
