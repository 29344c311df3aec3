"""A rehearsal as a whole, the plan of a single act, and how long a profile is rehearsed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final, Literal

import msgspec

from pioreactor.experiment_profiles.durations import due_s, seconds
from pioreactor.experiment_profiles.profile_struct import Act, Profile, Repeat, When, read_profile
from pioreactor.experiment_profiles.rehearsal_data import (
    MAX_HOURS,
    Rehearsal,
    RehearsalPlan,
    RehearsedUnit,
    RunRecord,
)
from pioreactor.rehearsal.parameters import scenario_of
from pioreactor.rehearsal.schedulers import Progress, Scheduler
from pioreactor.rehearsal.summary import summarized

USUAL_HOURS: Final = 24.0
LONGEST_USUAL_HOURS: Final = 168.0
"""A profile that lasts longer, or for ever, is cut off here unless it is said otherwise [h]."""


def rehearse(plan: RehearsalPlan, *, scheduler: Scheduler, progress: Progress = lambda _share: True) -> Rehearsal:
    """Run a plan and summarize it; equal plans give equal results. When `progress` says so it ends early.

    For one act on one unit: `rehearse(plan_of_act(unit, job, "update", options, …), scheduler=in_this_process)`. A run
    of one hour takes a few seconds; nothing outside of the process is read or written.

    Raise `InvalidProfileError` for a text that is no profile, `ConfigurationError` for a strain with impossible values.
    """
    profile = read_profile(plan.profile)
    scenario_of(plan.scenario)
    records: list[RunRecord] = []
    with suppress(KeyboardInterrupt):  # Ctrl-C: what has ended is summarized
        records.extend(scheduler(plan, progress))
    records.sort(key=lambda record: record.number)
    return summarized(plan, profile.experiment_profile_name, records)


def plan_of_act(
    unit: RehearsedUnit,
    job: str,
    kind: Literal["start", "update", "stop", "pause", "resume"],
    options: Mapping[str, object],
    *,
    experiment: str,
    scenario: Mapping[str, object],
    hours: float = 1.0,
) -> RehearsalPlan:
    """Return the plan of one act on a unit as it is at present, once, with the nominal values of the strain."""
    action: dict[str, object] = {"type": kind, "t": 0.0}
    if kind in ("start", "update"):
        action["options"] = dict(options)
    profile = {
        "version": "1.0",
        "experiment_profile_name": f"{kind} {job} on {unit.name}",
        "pioreactors": {unit.name: {"jobs": {job: {"actions": [action]}}}},
    }
    text = msgspec.yaml.encode(profile).decode()
    return RehearsalPlan(
        profile=text, experiment=experiment, units=(unit,), scenario=dict(scenario), hours=hours, runs=1
    )


# ---- how long -------------------------------------------------------------------------------------------------------


def usual_hours(profile: Profile) -> tuple[float, str]:
    """Return the time after which a rehearsal is cut off [h], and what is to be said about it; empty for nothing."""
    length_h = max((_length_s(act) for act in _acts(profile)), default=0.0) / 3600.0
    wanted_h = max(USUAL_HOURS, length_h + 1.0)
    if wanted_h <= LONGEST_USUAL_HOURS:
        return wanted_h, ""
    how_long = "has no end" if length_h == float("inf") else f"lasts {length_h:.4g} h"
    return LONGEST_USUAL_HOURS, (
        f"The profile {how_long}; it is rehearsed for {LONGEST_USUAL_HOURS:g} h. --hours makes it up to {MAX_HOURS:g}."
    )


def _acts(profile: Profile) -> Iterator[Act]:
    for jobs in (profile.common.jobs, *(block.jobs for block in profile.pioreactors.values())):
        for job in jobs.values():
            yield from job.actions


def _length_s(act: Act) -> float:
    """Return when an action has ended [s], at the earliest."""
    inner = max((_length_s(one) for one in act.actions), default=0.0) if isinstance(act, When | Repeat) else 0.0
    if isinstance(act, Repeat):
        inner = float("inf") if act.longest is None and act.while_ is None else max(inner, _longest_s(act))
    return due_s(act) + inner


def _longest_s(act: Repeat) -> float:
    return 0.0 if act.longest is None else seconds(act.longest)
