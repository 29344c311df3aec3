"""Which unit runs which setting, and in which order: replicates on different units, units equally used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pioreactor.exc import InvalidRequestError


class Trial(NamedTuple):
    """One run of a setting; settings and replicates are counted from 0."""

    setting: int
    replicate: int
    unit: str


def trial_order(settings: int, replicates: int, units: Sequence[str], seed: int, begun: int = 0) -> list[Trial]:
    """Return the trials of settings, replicate by replicate, each in random order.

    Units are blocks: replicates of a setting run on different units as long as there are enough, and each unit has as
    many trials as the others, or one more. `begun` is how many settings had an order before.
    """
    if not units:
        raise InvalidRequestError("there is no unit to run on", remedy="Assign units to the experiment.")
    random = np.random.default_rng([seed, 4, begun])
    place = random.permutation(settings)
    trials = []
    for replicate in range(replicates):
        for setting in map(int, random.permutation(settings)):
            unit = units[(begun * replicates + int(place[setting]) + replicate * _stride(settings, units)) % len(units)]
            trials.append(Trial(setting, replicate, unit))
    return trials


def _stride(settings: int, units: Sequence[str]) -> int:
    """Return the shift from replicate to replicate: all places used equally, and never the same unit again."""
    return settings if settings % len(units) else settings + 1


def unit_instead(units: Sequence[str], busy: Mapping[str, int], avoided: Sequence[str]) -> str:
    """Return the unit that takes a trial over from one that was removed.

    It is one with the fewest trials, among those that do not run this setting already if there are such.
    """
    if not units:
        raise InvalidRequestError("there is no unit left to run on", remedy="Assign units to the experiment.")
    others = [unit for unit in units if unit not in avoided]
    waiting = Counter(busy)
    return min(others if others else units, key=lambda unit: (waiting[unit], unit))
