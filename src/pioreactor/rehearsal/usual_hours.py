"""How long a profile is rehearsed, unless it is said otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from pioreactor.experiment_profiles.durations import due_s, seconds
from pioreactor.experiment_profiles.profile_struct import Act, Profile, Repeat, When
from pioreactor.experiment_profiles.rehearsal_plan import MAX_HOURS

USUAL_HOURS: Final = 24.0
LONGEST_USUAL_HOURS: Final = 168.0
"""A profile that lasts longer, or for ever, is cut off here unless it is said otherwise [h]."""


def usual_hours(profile: Profile) -> tuple[float, str]:
    """Return the time after which a rehearsal is cut off [h], and what is to be said about it; empty for nothing."""
    length_h = max(map(_length_s, _acts(profile)), default=0.0) / 3600.0
    wanted_h = max(USUAL_HOURS, length_h + 1.0)
    if wanted_h <= LONGEST_USUAL_HOURS:
        return wanted_h, ""
    how_long = "has no end" if length_h == float("inf") else f"lasts {length_h:.4g} h"
    return LONGEST_USUAL_HOURS, (
        f"The profile {how_long}; it is rehearsed for {LONGEST_USUAL_HOURS:g} h. --hours makes it up to {MAX_HOURS:g}."
    )


def _acts(profile: Profile) -> Iterator[Act]:
    jobs = (profile.common.jobs, *(block.jobs for block in profile.pioreactors.values()))
    return chain.from_iterable(job.actions for of_block in jobs for job in of_block.values())


def _length_s(act: Act) -> float:
    """Return when an action has ended [s], at the earliest."""
    if not isinstance(act, When | Repeat):
        return due_s(act)
    inner_s = max(map(_length_s, act.actions), default=0.0)
    return due_s(act) + (max(inner_s, _rounds_s(act)) if isinstance(act, Repeat) else inner_s)


def _rounds_s(act: Repeat) -> float:
    """Return how long a loop lasts [s]; one that a condition ends may end at once."""
    if act.longest is not None:
        return seconds(act.longest)
    return 0.0 if act.while_ is not None else float("inf")
