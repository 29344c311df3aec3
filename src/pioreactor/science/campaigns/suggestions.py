"""Settings to try next, by expected improvement over what was measured; the same record gives the same settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from pioreactor.exc import InvalidRequestError
from pioreactor.science.campaigns.designs import evenly
from pioreactor.science.campaigns.factors import Setting, Suggestion, Told
from pioreactor.science.campaigns.gaussian_process import GaussianProcess, fit
from pioreactor.science.campaigns.search_space import Array, SearchSpace
from pioreactor.science.campaigns.sobol_sequence import sobol_points

_CANDIDATES: Final = 2048
_AROUND: Final = 256
CAUTION: Final = 3
"""Chosen on strains of which too many arms failed; the bench judges on others."""
_WIDTHS: Final = (0.1, 0.03, 0.01)
"""Standard deviations of candidates around the best one so far, in ranges of a factor."""
_erf = np.vectorize(math.erf, otypes=[float])


class Record(msgspec.Struct, frozen=True):
    """All that a suggestion depends on."""

    space: SearchSpace
    seed: int
    told: Sequence[Told] = ()
    pending: Sequence[Setting] = ()
    """Settings that run, or wait."""
    initial: int = 6
    """Different settings that fill the space before any is chosen by what was measured."""
    maximize: bool = True

    @property
    def asked(self) -> list[Setting]:
        return [*(one.setting for one in self.told), *self.pending]


def suggest(record: Record, count: int) -> list[Suggestion]:
    """Return `count` settings, none of which breaks a limit or was asked for before."""
    asked = len({tuple(sorted(setting.items())) for setting in record.asked})
    first = max(0, min(count, record.initial - asked))
    process = None if first == count else process_of(record)
    if process is None:
        return _initial(record, asked, count)
    return [*_initial(record, asked, first), *_improvements(record, process, count - first)]


def process_of(record: Record, *, failures_as_worst: bool = False) -> GaussianProcess | None:
    """Return what is known of the objective, None before two settings have a value.

    What is to be minimized has its sign changed. Failures are omitted, or count as the worst value that was measured.
    """
    sign = 1.0 if record.maximize else -1.0
    good = [(one.setting, sign * one.value) for one in record.told if one.value is not None and not one.has_failed]
    if len(good) < 2:
        return None
    worst = min(value for _, value in good)
    failed = [(one.setting, worst) for one in record.told if one.has_failed and failures_as_worst]
    settings, values = zip(*good, *failed, strict=True)
    return fit(record.space.cube_of(record.space.rows(settings)), np.array(values))


def best_setting(record: Record) -> Suggestion | None:
    """Return the tried setting with the best predicted objective, None before two settings have a value.

    Only what was tried: a prediction between the results may lie beyond an edge that no one has seen.
    """
    process = process_of(record, failures_as_worst=True)
    if process is None:
        return None
    tried = [one.setting for one in record.told if not one.has_failed]
    mean, sd = process.predict(record.space.cube_of(record.space.rows(tried)))
    at = int(np.argmax(mean))
    found = Suggestion(tried[at], "improvement", "the best predicted objective", record.space.at_limits(tried[at]))
    sign = 1.0 if record.maximize else -1.0
    return msgspec.structs.replace(found, mean=sign * float(mean[at]), sd=float(sd[at]))


def _chance(record: Record) -> Callable[[Array], Array]:
    """Return the function that predicts the share of settings that do not fail around a point."""
    failed = np.array([one.has_failed for one in record.told])
    if not failed.any():
        return lambda cube: np.ones(len(cube))
    process = fit(_tried(record), 1.0 - failed)
    return lambda cube: np.clip(process.predict(cube)[0], 1e-3, 1.0)


def _initial(record: Record, asked: int, count: int) -> list[Suggestion]:
    """Return the first settings of Sobol's sequence that were not asked for."""
    space = record.space
    rows = evenly(space, "sobol", max(record.initial, asked + count), np.random.default_rng([record.seed, 2]))
    fresh = [setting for setting in map(space.named, rows) if setting not in record.asked]
    why = "a point of Sobol's sequence, before anything is chosen by what was measured"
    return [Suggestion(setting, "initial", why, space.at_limits(setting)) for setting in fresh[:count]]


def _improvements(record: Record, process: GaussianProcess, count: int) -> list[Suggestion]:
    """Choose one after another; each that is pending or chosen is taken to give the best so far (constant liar)."""
    space, sign = record.space, 1.0 if record.maximize else -1.0
    best = float(process.predict(process.points)[0].max())
    taken, chance = space.rows(record.asked), _chance(record)
    if record.pending:
        process = process.with_values(space.cube_of(space.rows(record.pending)), np.full(len(record.pending), best))
    found = []
    for _ in range(count):
        score = _Score(process, best, chance)
        rows = _candidates(record, score, len(taken))
        rows = rows[~(rows[:, None, :] == taken[None, :, :]).all(axis=2).any(axis=1)]
        if not len(rows):
            raise InvalidRequestError("every allowed setting was tried", remedy="Widen the ranges, or end it.")
        cube = space.cube_of(rows)
        gains = score(cube)
        at = int(np.argmax(gains))
        mean, sd = process.predict(cube[at : at + 1])
        setting, gain = space.named(rows[at]), float(gains[at])
        found.append(_improvement(setting, space, sign * float(mean[0]), float(sd[0]), gain, sign * best))
        taken = np.vstack([taken, rows[at]])
        process = process.with_values(cube[at : at + 1], np.array([best]))
    return found


@dataclass(frozen=True)
class _Score:
    """Expected improvement, times a power of the chance that a setting does not fail: the best is often at an edge."""

    process: GaussianProcess
    best: float
    chance: Callable[[Array], Array]

    def __call__(self, cube: Array) -> Array:
        return expected_improvement(self.process, cube, self.best) * self.chance(cube) ** CAUTION


def _improvement(setting: Setting, space: SearchSpace, mean: float, sd: float, gain: float, best: float) -> Suggestion:
    cause = "the band is wide there" if abs(mean - best) < sd else "the prediction decides"
    why = f"expected improvement {gain:.3g}: predicted {mean:.4g} ± {sd:.2g}, best so far {best:.4g}; {cause}"
    return Suggestion(setting, "improvement", why, space.at_limits(setting), mean, sd, gain, best)


def expected_improvement(process: GaussianProcess, cube: Array, best: float) -> Array:
    """Return by how much each point is expected to be better than `best`."""
    mean, sd = process.predict(cube)
    z = (mean - best) / sd
    density = np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
    return np.asarray((mean - best) * 0.5 * (1.0 + _erf(z / math.sqrt(2.0))) + sd * density)


def _candidates(record: Record, score: Callable[[Array], Array], number: int) -> Array:
    """Return allowed settings: evenly over the space, and more and more closely around the best of them."""
    space = record.space
    random = np.random.default_rng([record.seed, 3, number])
    rows = _allowed(space, np.vstack([sobol_points(_CANDIDATES, len(space.factors), random), _tried(record)]))
    for width in _WIDTHS:
        cube = space.cube_of(rows)
        around = cube[int(np.argmax(score(cube)))] + width * random.standard_normal((_AROUND, len(space.factors)))
        rows = np.vstack([rows, _allowed(space, np.clip(around, 0.0, 1.0))])
    return rows


def _allowed(space: SearchSpace, cube: Array) -> Array:
    rows = space.settings_at(cube)
    return rows[space.is_allowed(rows)]


def _tried(record: Record) -> Array:
    return record.space.cube_of(record.space.rows([one.setting for one in record.told]))
