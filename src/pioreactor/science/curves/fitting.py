"""Fits curves to recorded data: polynomials and natural cubic splines by weighted least squares, Akima through all.

How many coefficients a fit gets is chosen by AICc: more of them must earn their place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeVar

from pioreactor.exc import InvalidRequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

F = TypeVar("F")
Auto = Literal["auto"]
Pieces = tuple[list[float], list[list[float]]]
"""Knots, and a, b, c, d of each piece."""

HIGHEST_DEGREE = 5
MAX_KNOTS = 6
EXACT = 1e-20
"""Mean squared errors below this part of the data's mean square are rounding."""


def poly_fit(
    x: Sequence[float], y: Sequence[float], *, degree: int | Auto = "auto", weights: Sequence[float] | None = None
) -> list[float]:
    """Return coefficients from the highest power to the constant; raise `InvalidRequestError` for too few points."""
    xs, ys, ws = _checked(x, y, weights)
    most = len(set(x)) - 1
    if degree != "auto":
        if not 0 <= degree <= most:
            raise InvalidRequestError(f"a polynomial of degree {degree} needs {degree + 1} different x, not {most + 1}")
        return _poly(xs, ys, ws, degree)[0]
    candidates = [(degree + 1, *_poly(xs, ys, ws, degree)) for degree in range(min(HIGHEST_DEGREE, most) + 1)]
    return _best(candidates, ys)


def spline_fit(
    x: Sequence[float], y: Sequence[float], *, knots: int | Auto = "auto", weights: Sequence[float] | None = None
) -> Pieces:
    """Return a natural cubic spline with knots at quantiles of x, its values there fitted by least squares."""
    xs, ys, ws = _checked(x, y, weights)
    most = len(set(x))
    if most < 2 or (knots != "auto" and not 2 <= knots <= most):
        wanted = 2 if knots == "auto" else knots
        raise InvalidRequestError(f"a spline of {wanted} knots needs 2 or more knots and as many different x")
    counts = range(2, min(MAX_KNOTS, most) + 1) if knots == "auto" else [knots]
    candidates = [(count, *_spline(xs, ys, ws, count)) for count in counts]
    return _best(candidates, ys)


def akima_fit(x: Sequence[float], y: Sequence[float]) -> Pieces:
    """Return cubics through all points, with Akima's slopes; points of equal x are averaged first."""
    _checked(x, y, None)
    groups: dict[float, list[float]] = {}
    for at, value in sorted(zip(x, y, strict=True)):
        groups.setdefault(float(at), []).append(value)
    if len(groups) < 2:
        raise InvalidRequestError("an Akima curve needs two or more different x")
    xs = list(groups)
    ys = [math.fsum(values) / len(values) for values in groups.values()]
    chords = [(y1 - y0) / (x1 - x0) for (x0, x1), (y0, y1) in zip(pairwise(xs), pairwise(ys), strict=True)]
    slopes = _akima_slopes(chords)
    pieces = []
    for i, ((x0, x1), chord) in enumerate(zip(pairwise(xs), chords, strict=True)):
        h, s0, s1 = x1 - x0, slopes[i], slopes[i + 1]
        pieces.append([ys[i], s0, (3 * chord - 2 * s0 - s1) / h, (s0 + s1 - 2 * chord) / h**2])
    return xs, pieces


def _akima_slopes(chords: Sequence[float]) -> list[float]:
    """Return the slope at each point; beyond the ends the chords are extrapolated linearly."""
    second = chords[1] if len(chords) > 1 else chords[0]
    second_last = chords[-2] if len(chords) > 1 else chords[0]
    before, after = 2 * chords[0] - second, 2 * chords[-1] - second_last
    m = [2 * before - chords[0], before, *chords, after, 2 * after - chords[-1]]
    slopes = []
    for i in range(2, len(m) - 1):
        left, right = abs(m[i - 1] - m[i - 2]), abs(m[i + 1] - m[i])
        total = left + right
        # Four chords in a row without a bend: both neighbors say the same.
        slopes.append((right * m[i - 1] + left * m[i]) / total if total > 0 else (m[i - 1] + m[i]) / 2)
    return slopes


def _checked(x: Sequence[float], y: Sequence[float], weights: Sequence[float] | None) -> tuple[Floats, Floats, Floats]:
    import numpy as np

    ws = [1.0] * len(x) if weights is None else weights
    if not len(x) == len(y) == len(ws) or len(x) == 0:
        raise InvalidRequestError(f"a fit needs as many y ({len(y)}) and weights ({len(ws)}) as x ({len(x)})")
    arrays = tuple(np.asarray(values, dtype=float) for values in (x, y, ws))
    if not all(np.isfinite(values).all() for values in arrays) or (arrays[2] < 0).any() or not arrays[2].any():
        raise InvalidRequestError("a fit needs finite numbers, and weights of 0 or more that are not all 0")
    return arrays[0], arrays[1], arrays[2]


def _best(candidates: Sequence[tuple[int, F, float]], ys: Floats) -> F:
    """Return the fit with the smallest AICc; where no fit leaves a degree of freedom, the second simplest."""
    n = len(ys)
    floor = EXACT * max(float((ys**2).mean()), 1e-300)
    scored: list[tuple[float, int, F]] = []
    for k, fit, sse in candidates:
        if n - k - 1 > 0:
            aicc = n * math.log(max(sse / n, floor)) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
            scored.append((aicc, k, fit))
    if not scored:
        return candidates[min(1, len(candidates) - 1)][1]
    return min(scored, key=lambda entry: entry[:2])[2]


def _least_squares(basis: Floats, ys: Floats, ws: Floats) -> tuple[Floats, float]:
    """Return coefficients and the weighted sum of squared errors. Columns are scaled, for the sake of precision."""
    import numpy as np

    root = np.sqrt(ws / ws.mean())
    scale = np.sqrt((basis**2).sum(axis=0))
    scale[scale == 0] = 1.0
    coefficients = np.linalg.lstsq(basis / scale * root[:, None], ys * root, rcond=None)[0] / scale
    residuals = (ys - basis @ coefficients) * root
    return coefficients, float((residuals**2).sum())


def _poly(xs: Floats, ys: Floats, ws: Floats, degree: int) -> tuple[list[float], float]:
    import numpy as np

    coefficients, sse = _least_squares(np.vander(xs, degree + 1), ys, ws)
    return [float(value) for value in coefficients], sse


def _spline(xs: Floats, ys: Floats, ws: Floats, count: int) -> tuple[Pieces, float]:
    import numpy as np

    knots = np.quantile(np.unique(xs), np.linspace(0, 1, count))
    bends = _bends(knots)
    basis = _pieces_at(xs, knots, np.eye(count), bends)
    values, sse = _least_squares(basis, ys, ws)
    a, b, c, d = _coefficients(knots, values, bends @ values)
    pieces = [[float(v) for v in piece] for piece in zip(a, b, c, d, strict=True)]
    return ([float(knot) for knot in knots], pieces), sse


def _bends(knots: Floats) -> Floats:
    """Return the matrix that turns values at the knots into second derivatives there, 0 at both ends."""
    import numpy as np

    n, h = len(knots), np.diff(knots)
    left, right = np.eye(n), np.zeros((n, n))
    for i in range(1, n - 1):
        left[i, i - 1 : i + 2] = h[i - 1], 2 * (h[i - 1] + h[i]), h[i]
        right[i, i - 1 : i + 2] = 6 / h[i - 1], -6 / h[i - 1] - 6 / h[i], 6 / h[i]
    return np.asarray(np.linalg.solve(left, right), dtype=np.float64)


def _coefficients(knots: Floats, values: Floats, bends: Floats) -> tuple[Floats, ...]:
    import numpy as np

    h = np.diff(knots).reshape(-1, *([1] * (values.ndim - 1)))
    b = np.diff(values, axis=0) / h - h * (2 * bends[:-1] + bends[1:]) / 6
    return values[:-1], b, bends[:-1] / 2, np.diff(bends, axis=0) / (6 * h)


def _pieces_at(xs: Floats, knots: Floats, values: Floats, bends: Floats) -> Floats:
    """Return the spline of each column of values, at each x."""
    import numpy as np

    a, b, c, d = _coefficients(knots, values, bends)
    index = np.clip(np.searchsorted(knots, xs, side="right") - 1, 0, len(knots) - 2)
    u = (xs - knots[index])[:, None]
    result: Floats = a[index] + u * (b[index] + u * (c[index] + u * d[index]))
    return result
