"""What a chart draws of the rows of its pixels."""

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from pioreactor.storage.leader.rollups.bucket import Bucket, Sample

POINTS_PER_PIXEL: Final = 4
_VALUE: Final = itemgetter(1)


def pixels_for(target_points: int) -> int:
    """Return how many pixels give at most so many points; one more may be cut by the ends of the time."""
    return max(target_points // POINTS_PER_PIXEL - 1, 1)


def drawn(pixels: Iterable[Bucket], target_points: int) -> list[Sample]:
    """Return the first, lowest, highest and last row of each pixel, in order.

    With fewer than four points: the lowest, the highest and the last row of all, or the last of these.
    """
    kept = [sample for pixel in pixels for sample in pixel.samples()]
    if target_points >= POINTS_PER_PIXEL or not kept:
        return kept
    return sorted({min(kept, key=_VALUE), max(kept, key=_VALUE), kept[-1]})[-target_points:]


def between_edges(samples: Iterable[Sample], edges: Sequence[str]) -> Iterator[Bucket]:
    """Yield what lies between each two edges, from rows in order; moments are compared as texts."""
    for _, rows in groupby(samples, key=lambda sample: bisect(edges, sample[0])):
        first, *rest = rows
        pixel = Bucket(*first)
        for at, value in rest:
            pixel.add(at, value)
        yield pixel
