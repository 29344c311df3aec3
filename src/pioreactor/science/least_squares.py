"""Linear least squares for a few dozen samples and less than ten columns, in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul

Vector = list[float]
Matrix = list[Vector]

SINGULAR = 1e-9
"""A pivot below this, where the scale of the matrix is the number of samples, means that there is no inverse."""


def inverse(matrix: Matrix) -> Matrix | None:
    """Return the inverse by Gauss–Jordan elimination, None when there is none. Its scale is the number of samples."""
    n = len(matrix)
    rows = [[*matrix[i], *(1.0 if k == i else 0.0 for k in range(n))] for i in range(n)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(rows[k][i]))
        if abs(rows[pivot][i]) < SINGULAR:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        scale = 1.0 / rows[i][i]
        chosen = rows[i] = [value * scale for value in rows[i]]
        for k in range(n):
            factor = rows[k][i]
            if k != i and factor:
                rows[k] = [a - factor * b for a, b in zip(rows[k], chosen, strict=True)]
    return [row[n:] for row in rows]


def normal(columns: Matrix, weighted: Matrix | None = None) -> Matrix:
    """Return the products of all pairs of columns, one of each pair weighted."""
    products = [[0.0] * len(columns) for _ in columns]
    for i, a in enumerate(columns if weighted is None else weighted):
        for k in range(i + 1):
            products[i][k] = products[k][i] = sum(map(mul, a, columns[k]))
    return products


def products(columns: Matrix, values: Sequence[float]) -> Vector:
    """Return the product of each column with the values."""
    return [sum(map(mul, column, values)) for column in columns]


def solved(inverse: Matrix, products: Vector) -> Vector:
    """Return how much of each column is in the values whose products these are."""
    return [sum(map(mul, row, products)) for row in inverse]


def residuals(coefficients: Sequence[float], columns: Matrix, values: Sequence[float]) -> Vector:
    """Return what remains of each value."""
    first = coefficients[0]
    left = [y - first * x for y, x in zip(values, columns[0], strict=True)]
    # Two at a time, since this is where most of the time goes; one may be left over.
    for k in range(1, len(columns) - 1, 2):
        a, b = coefficients[k], coefficients[k + 1]
        left = [r - a * x - b * y for r, x, y in zip(left, columns[k], columns[k + 1], strict=True)]
    if len(columns) % 2 == 0:
        last = coefficients[-1]
        left = [r - last * x for r, x in zip(left, columns[-1], strict=True)]
    return left
