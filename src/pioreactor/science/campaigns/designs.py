"""Designs: settings that are chosen before anything is measured."""

from __future__ import annotations

from itertools import combinations, product
from typing import Final, Literal

import numpy as np

from pioreactor.exc import InvalidRequestError
from pioreactor.science.campaigns.factors import Setting
from pioreactor.science.campaigns.search_space import Array, SearchSpace
from pioreactor.science.campaigns.sobol_sequence import sobol_points

DesignKind = Literal["full_factorial", "central_composite", "box_behnken", "latin_hypercube", "sobol"]
MAX_SETTINGS: Final = 1000
_CENTERS: Final = 3
_TRIED: Final = 20
"""Latin hypercubes, of which that with the largest smallest distance is taken."""
_MOST_POINTS: Final = 8192


def design(space: SearchSpace, kind: DesignKind, count: int, seed: int) -> list[Setting]:
    """Return the settings of a design in its own order; those that break a limit are omitted.

    `count` is how many settings a Latin hypercube and Sobol's sequence have; the others follow from the factors.
    Raise `InvalidRequestError` when too few settings are allowed, or too many asked for.
    """
    random = np.random.default_rng([seed, 1])
    if kind in ("latin_hypercube", "sobol"):
        rows = evenly(space, kind, count, random)
    else:
        settings = space.settings_at(_fixed(space, kind))
        rows = settings[space.is_allowed(settings)]
    if not len(rows):
        raise InvalidRequestError("the limits leave no setting of this design", remedy="Widen the ranges or limits.")
    return [space.named(row) for row in rows]


def evenly(space: SearchSpace, kind: DesignKind, count: int, random: np.random.Generator) -> Array:
    """Return `count` allowed settings that fill the space; raise `InvalidRequestError` when there are fewer."""
    if not 1 <= count <= MAX_SETTINGS:
        raise InvalidRequestError(f"a design has 1 to {MAX_SETTINGS} settings, not {count}")
    points, dimensions, shift = count, len(space.factors), int(random.integers(1 << 32))
    while points <= _MOST_POINTS:
        cube = _latin(points, dimensions, random) if kind == "latin_hypercube" else _sobol(points, dimensions, shift)
        settings = space.settings_at(cube)
        allowed = settings[space.is_allowed(settings)]
        found = allowed[np.sort(np.unique(allowed, axis=0, return_index=True)[1])]
        if len(found) >= count:
            return found[:count]
        points *= 2
    raise InvalidRequestError(
        f"the limits leave fewer than {count} settings in {_MOST_POINTS} points", remedy="Widen the ranges or limits."
    )


def _sobol(count: int, dimensions: int, shift: int) -> Array:
    """Return the first points of one sequence: more of them begin with the same ones."""
    return sobol_points(count, dimensions, np.random.default_rng(shift))


def _latin(count: int, dimensions: int, random: np.random.Generator) -> Array:
    """Return points of which each lies in a row and a column of its own; the best of some by smallest distance."""
    best, best_distance = np.empty((0, dimensions)), -1.0
    for _ in range(_TRIED if count <= 200 else 1):
        cells = np.column_stack([random.permutation(count) for _ in range(dimensions)])
        points = (cells + random.random((count, dimensions))) / count
        distance = _smallest_distance(points) if count <= 200 else 0.0
        if distance > best_distance:
            best, best_distance = points, distance
    return best


def _smallest_distance(points: Array) -> float:
    if len(points) < 2:
        return 0.0
    squares = ((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)
    return float(squares[np.triu_indices(len(points), 1)].min())


def _fixed(space: SearchSpace, kind: DesignKind) -> Array:
    if kind == "full_factorial":
        return _full_factorial([factor.levels for factor in space.factors])
    dimensions = len(space.factors)
    if kind == "central_composite":
        return 0.5 + 0.5 * _central_composite(dimensions)
    if not 3 <= dimensions <= 5:
        raise InvalidRequestError(f"a Box-Behnken design has 3 to 5 factors, not {dimensions}")
    return 0.5 + 0.5 * _box_behnken(dimensions)


def _full_factorial(levels: list[int]) -> Array:
    count = int(np.prod(levels))
    if count > MAX_SETTINGS:
        raise InvalidRequestError(f"{count} settings are above {MAX_SETTINGS}", remedy="Choose fewer levels.")
    return np.array(list(product(*(np.linspace(0.0, 1.0, number) for number in levels))))


def _central_composite(dimensions: int) -> Array:
    """Return corners, star points and centers between -1 and 1, rotatable: the star points are at the ends."""
    reach = 1.0 / 2.0 ** (dimensions / 4.0)
    corners = np.array(list(product((-reach, reach), repeat=dimensions)))
    star = np.vstack([np.eye(dimensions), -np.eye(dimensions)])
    return np.vstack([corners, star, np.zeros((_CENTERS, dimensions))])


def _box_behnken(dimensions: int) -> Array:
    """Return for each pair of factors its four corners, the others in the middle, and centers; -1 to 1."""
    rows = []
    for one, other in combinations(range(dimensions), 2):
        for ends in product((-1.0, 1.0), repeat=2):
            row = np.zeros(dimensions)
            row[[one, other]] = ends
            rows.append(row)
    return np.vstack([*rows, np.zeros((_CENTERS, dimensions))])
