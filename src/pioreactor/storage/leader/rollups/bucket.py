"""One bucket of a roll-up: what a chart and a statistic need of the rows in it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import attrgetter
from typing import Final, TypeAlias

Sample: TypeAlias = tuple[str, float]
"""A moment as it is stored, and a number."""

BucketValues: TypeAlias = tuple[int, float | None, float, str, float, str, float, str, float, str]
"""`count, sum, min, min_at, max, max_at, first, first_at, last, last_at`: the columns of `rollup_buckets`."""


class Bucket:
    """Rows are added in the order of their insertion. Of equal values the earliest is the extreme; of equal moments the
    first that was inserted is the first, and the last one the last. The sum of infinite values may be no number."""

    __slots__ = ("count", "first", "first_at", "last", "last_at", "max", "max_at", "min", "min_at", "sum")

    def __init__(self, at: str, value: float) -> None:
        self.count = 1
        self.sum = self.min = self.max = self.first = self.last = value
        self.min_at = self.max_at = self.first_at = self.last_at = at

    @classmethod
    def of(cls, values: BucketValues) -> Bucket:
        """Return a bucket as it was stored."""
        bucket = cls(values[3], values[2])
        bucket.count, total, bucket.min, bucket.min_at, bucket.max, bucket.max_at, *ends = values
        bucket.first, bucket.first_at, bucket.last, bucket.last_at = ends  # type: ignore[assignment]
        bucket.sum = math.nan if total is None else total
        return bucket

    def add(self, at: str, value: float) -> None:
        """Add a row that was inserted after all that are in the bucket, whatever its moment."""
        self.count += 1
        self.sum += value
        if value < self.min or (value == self.min and at < self.min_at):
            self.min, self.min_at = value, at
        if value > self.max or (value == self.max and at < self.max_at):
            self.max, self.max_at = value, at
        if at < self.first_at:
            self.first, self.first_at = value, at
        if at >= self.last_at:
            self.last, self.last_at = value, at

    def extend(self, values: BucketValues) -> None:
        """Add the rows of a stored bucket, none of which lies before the last row of this one."""
        count, total, low, low_at, high, high_at, _, _, self.last, self.last_at = values
        self.count += count
        self.sum += math.nan if total is None else total
        if low < self.min:
            self.min, self.min_at = low, low_at
        if high > self.max:
            self.max, self.max_at = high, high_at

    def merge(self, other: Bucket) -> None:
        """Add the rows of a bucket that were inserted later, or that lie at other moments."""
        self.count += other.count
        self.sum += other.sum
        self.min, self.min_at = min((self.min, self.min_at), (other.min, other.min_at))
        negative, self.max_at = min((-self.max, self.max_at), (-other.max, other.max_at))
        self.max = -negative
        ends = (other, self)
        oldest, newest = min(reversed(ends), key=_FIRST_AT), max(ends, key=_LAST_AT)
        self.first, self.first_at = oldest.first, oldest.first_at
        self.last, self.last_at = newest.last, newest.last_at

    def copy(self) -> Bucket:
        return Bucket.of(self.values())

    def values(self) -> BucketValues:
        return (
            *(self.count, self.sum, self.min, self.min_at, self.max, self.max_at),
            *(self.first, self.first_at, self.last, self.last_at),
        )

    def samples(self) -> list[Sample]:
        """Return the first, lowest, highest and last row in order, each once."""
        found = {
            (self.first_at, self.first),
            (self.min_at, self.min),
            (self.max_at, self.max),
            (self.last_at, self.last),
        }
        return sorted(found)


_FIRST_AT: Final = attrgetter("first_at")
_LAST_AT: Final = attrgetter("last_at")


def add_to(buckets: dict[int, Bucket], number: int, bucket: Bucket) -> None:
    """Merge a bucket into the one of this number; the first one is taken as it is, and changed by those that follow."""
    present = buckets.setdefault(number, bucket)
    if present is not bucket:
        present.merge(bucket)


def coarser(buckets: Iterable[tuple[int, Bucket]], factor: int) -> dict[int, Bucket]:
    """Return the buckets of the next level, by number."""
    found: dict[int, Bucket] = {}
    for number, bucket in buckets:
        add_to(found, number // factor, bucket.copy())
    return found
