"""Noise as a function of a counter, so that a reading does not change what another reader sees.

A stream is seeded once; value number `n` is always the same, whether or not the ones before it were asked for.
"""

import random
from functools import cache
from statistics import NormalDist

_MASK = 0xFFFFFFFF
_SIZE = 8192


@cache
def _normal_table() -> tuple[float, ...]:
    """The standard normal at 8192 equally likely ranks: mean 0, variance 1, at most 3.8 sigma."""
    ranks = NormalDist()
    return tuple(ranks.inv_cdf((i + 0.5) / _SIZE) for i in range(_SIZE))


class Noise:
    """One stream of independent values, indexed by a whole number from 0."""

    __slots__ = ("_salt", "_table")

    def __init__(self, seed: int, name: str) -> None:
        self._salt = random.Random(f"{seed}/{name}").getrandbits(32)
        self._table = _normal_table()

    def gauss(self, n: int) -> float:
        """Return value `n` of a standard normal stream."""
        h = (n * 0x9E3779B1 + self._salt) & _MASK
        h = ((h ^ (h >> 15)) * 0x85EBCA77) & _MASK
        h = ((h ^ (h >> 13)) * 0xC2B2AE3D) & _MASK
        return self._table[(h ^ (h >> 16)) & 8191]

    def uniform(self, n: int) -> float:
        """Return value `n` of a stream of uniform numbers in [0, 1)."""
        h = (n * 0x9E3779B1 + self._salt) & _MASK
        h = ((h ^ (h >> 15)) * 0x85EBCA77) & _MASK
        h = ((h ^ (h >> 13)) * 0xC2B2AE3D) & _MASK
        return (h ^ (h >> 16)) / 4294967296.0
