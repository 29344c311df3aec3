"""Which stills of a unit are deleted: by age, by number in an experiment, and by disk space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from pioreactor.structs.camera_still import CameraStill

Sized = tuple[CameraStill, int]
"""A still and its bytes."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Limits on stored stills. Manual and pinned stills count as used space, and are never deleted."""

    max_per_experiment: int
    max_age: timedelta | None
    max_bytes: int
    min_free_bytes: int


def superfluous(sized: Sequence[Sized], retention: Retention, now: datetime) -> list[CameraStill]:
    """Return the stills to delete.

    An experiment is thinned out evenly: the still with the smallest product of the gaps before and after it goes first.
    The first and the newest still of each experiment stay, whatever their number and size, and so do those that a
    person took or pinned.
    """
    old = [] if retention.max_age is None else [still for still, _ in sized if _is_old(still, retention.max_age, now)]
    too_old = {still.image_id for still in old}
    kept = sorted(
        (one for one in sized if one[0].image_id not in too_old),
        key=lambda one: (one[0].experiment or "", one[0].captured_at),
    )
    groups = [list(group) for _, group in groupby(kept, key=lambda one: one[0].experiment)]
    many = [still for group in groups for still in _thin_out(group, retention.max_per_experiment)]
    return [*old, *many, *_make_room(groups, retention.max_bytes)]


def _is_old(still: CameraStill, max_age: timedelta, now: datetime) -> bool:
    return not still.is_kept and now - still.time > max_age


def _thin_out(group: list[Sized], most: int) -> list[CameraStill]:
    """Take scheduled stills from a group until there are no more than `most`."""
    gone: list[CameraStill] = []
    scheduled = sum(still.capture_reason == "scheduled" for still, _ in group)
    while scheduled - len(gone) > most and (index := _closest(group)) is not None:
        gone.append(group.pop(index)[0])
    return gone


def _make_room(groups: Sequence[list[Sized]], max_bytes: int) -> list[CameraStill]:
    """Take stills from the experiments that have the most, until all together fit."""
    gone: list[CameraStill] = []
    total = sum(size for group in groups for _, size in group)
    while total > max_bytes:
        group = max((one for one in groups if _closest(one) is not None), key=len, default=None)
        index = None if group is None else _closest(group)
        if group is None or index is None:
            break
        still, size = group.pop(index)
        total -= size
        gone.append(still)
    return gone


def _closest(group: Sequence[Sized]) -> int | None:
    """Return the index of the still that is missed least, None when all of them stay."""
    times = [still.time.timestamp() for still, _ in group]
    gaps = {
        index: (times[index] - times[index - 1]) * (times[index + 1] - times[index])
        for index in range(1, len(group) - 1)
        if not group[index][0].is_kept
    }
    return min(gaps, key=lambda index: gaps[index]) if gaps else None
