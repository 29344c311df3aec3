"""Sobol's sequence in up to eight dimensions: points that fill the unit cube evenly."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BITS: Final = 30
# Degree, inner coefficients and first numbers of a primitive polynomial for each dimension after the first
# (Joe and Kuo 2008).
_POLYNOMIALS: Final = (
    (1, 0, (1,)),
    (2, 1, (1, 3)),
    (3, 1, (1, 3, 1)),
    (3, 2, (1, 1, 1)),
    (4, 1, (1, 1, 3, 3)),
    (4, 4, (1, 3, 5, 13)),
    (5, 2, (1, 1, 5, 5, 17)),
)


def _directions(dimension: int) -> list[int]:
    """Return the direction numbers of a dimension, counted from 0, as whole numbers of `_BITS` bits."""
    if dimension == 0:
        return [1 << (_BITS - 1 - bit) for bit in range(_BITS)]
    degree, inner, first = _POLYNOMIALS[dimension - 1]
    found = [number << (_BITS - 1 - bit) for bit, number in enumerate(first)]
    for bit in range(degree, _BITS):
        value = found[bit - degree] ^ (found[bit - degree] >> degree)
        for term in range(1, degree):
            if (inner >> (degree - 1 - term)) & 1:
                value ^= found[bit - term]
        found.append(value)
    return found


def sobol_points(count: int, dimensions: int, random: np.random.Generator | None = None) -> NDArray[np.float64]:
    """Return the first points of the sequence, shifted bit by bit when `random` is given, which keeps them even."""
    gray = np.arange(count, dtype=np.int64)
    gray ^= gray >> 1
    points = np.zeros((count, dimensions), dtype=np.int64)
    for dimension in range(dimensions):
        for bit, direction in enumerate(_directions(dimension)):
            points[:, dimension] ^= np.where((gray >> bit) & 1, direction, 0)
    if random is not None:
        points ^= random.integers(0, 1 << _BITS, size=dimensions)
    return np.asarray(points / float(1 << _BITS))
