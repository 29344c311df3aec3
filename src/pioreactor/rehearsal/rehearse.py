"""A rehearsal as a whole: its runs on all cores, and the summary of what they found."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import suppress
from multiprocessing.synchronize import Event
from typing import Final, Literal, Protocol

import msgspec

from pioreactor.exc import InvalidRequestError
from pioreactor.experiment_profiles.durations import due_s, seconds
from pioreactor.experiment_profiles.profile_struct import Act, Profile, Repeat, When, read_profile
from pioreactor.experiment_profiles.rehearsal_data import (
    MAX_HOURS,
    QUANTITIES,
    Band,
    Bottle,
    ForecastOfUnit,
    Range,
    Rehearsal,
    RehearsalPlan,
    RehearsedUnit,
    RunRecord,
)
from pioreactor.rehearsal.hazards import merged
from pioreactor.rehearsal.one_run import STEP_S, rehearse_once
from pioreactor.rehearsal.parameters import scenario_of

POINTS: Final = 240
"""Most values that a band has."""
USUAL_HOURS: Final = 24.0
LONGEST_USUAL_HOURS: Final = 168.0
"""A profile that lasts longer, or for ever, is cut off here unless it is said otherwise [h]."""
_POLL_S: Final = 0.2

Progress = Callable[[float], bool]
"""Takes the share that is done, 0–1, and returns whether to go on."""


class Scheduler(Protocol):
    """Carries out the runs of a plan somewhere. What it returns does not depend on where, nor on the order."""

    def __call__(self, plan: RehearsalPlan, progress: Progress, /) -> Iterator[RunRecord]: ...


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


# ---- where the runs are carried out ---------------------------------------------------------------------------------


def in_this_process(plan: RehearsalPlan, progress: Progress) -> Iterator[RunRecord]:
    """Carry out the runs one after another."""
    steps = plan.hours * 3600.0 / STEP_S
    for number in range(plan.runs):
        done = [0.0]

        def step(number: int = number, done: list[float] = done) -> bool:
            done[0] += 1.0
            return progress((number + min(1.0, done[0] / steps)) / plan.runs)

        record = rehearse_once(plan, number, step)
        if not progress((number + 1) / plan.runs):
            return
        yield record


_canceled: Event | None = None


def _remember(canceled: Event) -> None:
    global _canceled
    _canceled = canceled
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says what is canceled


def _goes_on() -> bool:
    return _canceled is None or not _canceled.is_set()


def _in_worker(plan: bytes, number: int) -> RunRecord | None:
    record = rehearse_once(msgspec.json.decode(plan, type=RehearsalPlan), number, _goes_on)
    return record if _goes_on() else None


class Processes:
    """Carries out the runs in processes of this machine, one for each core unless said otherwise."""

    def __init__(self, count: int | None = None) -> None:
        cores = os.cpu_count()
        self.count = count if count is not None else cores if cores is not None else 1
        if self.count < 1:
            raise InvalidRequestError(f"{self.count} processes can do nothing", remedy="Pass --processes 1 or more.")

    def __call__(self, plan: RehearsalPlan, progress: Progress) -> Iterator[RunRecord]:
        count = min(self.count, plan.runs)
        if count == 1:
            yield from in_this_process(plan, progress)
            return
        spawning = multiprocessing.get_context("spawn")
        canceled = spawning.Event()
        encoded = msgspec.json.encode(plan)
        with ProcessPoolExecutor(count, mp_context=spawning, initializer=_remember, initargs=(canceled,)) as pool:
            waiting = {pool.submit(_in_worker, encoded, number) for number in range(plan.runs)}
            try:
                while waiting:
                    ended, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                    yield from (record for one in ended if (record := one.result()) is not None)
                    if not progress(1.0 - len(waiting) / plan.runs):
                        return
            finally:
                canceled.set()
                pool.shutdown(cancel_futures=True)


# ---- the summary ----------------------------------------------------------------------------------------------------


def summarized(plan: RehearsalPlan, name: str, records: Sequence[RunRecord]) -> Rehearsal:
    """Return what the runs have in common: quantiles, bottles and hazards."""
    good = [record for record in records if not record.error]
    length = max((len(record.hours) for record in good), default=0)
    shown = _shown(length)
    hours = max((record.hours for record in good), key=len, default=[])
    ends = [record.finished_at_h for record in good if record.finished_at_h is not None]
    errors = sorted({record.error for record in records if record.error})
    return Rehearsal(
        profile_name=name,
        experiment=plan.experiment,
        runs=len(records),
        failed_runs=len(records) - len(good),
        seed=plan.seed,
        started_at=plan.started_at,
        hours=[hours[index] for index in shown],
        finished_runs=len(ends),
        finishes_at_h=_range(ends) if ends else None,
        units=[_forecast(unit, good, shown) for unit in plan.units] if good else [],
        hazards=merged([record.hazards for record in good]),
        notes=[*plan.notes, *(f"A run failed and is left out: {error}" for error in errors)],
        is_complete=len(records) == plan.runs,
    )


def _shown(length: int) -> list[int]:
    """Return the indices of at most `POINTS` samples, the first and the last among them."""
    if length <= POINTS:
        return list(range(length))
    return [round(index * (length - 1) / (POINTS - 1)) for index in range(POINTS)]


def _forecast(unit: RehearsedUnit, records: Sequence[RunRecord], shown: Sequence[int]) -> ForecastOfUnit:
    of_unit = [record.values[unit.name] for record in records]
    bands = {name: _band([values[name] for values in of_unit], shown) for name in QUANTITIES}
    bottles = [
        _bottle(unit, bottle, records) for bottle in ("media", "alt_media", "waste")
        if bottle in unit.bottles_ml or any(values[f"{bottle}_ml"][-1] > 0.0 for values in of_unit)
    ]  # fmt: skip
    return ForecastOfUnit(
        unit.name,
        od=bands["od"],
        growth_rate_per_h=bands["growth_rate_per_h"],
        celsius=bands["celsius"],
        volume_ml=bands["volume_ml"],
        media_ml=bands["media_ml"],
        alt_media_ml=bands["alt_media_ml"],
        waste_ml=bands["waste_ml"],
        bottles=bottles,
    )


def _band(runs: Sequence[Sequence[float]], shown: Iterable[int]) -> Band:
    """Return the quantiles at each index; a run that has ended before stays at its last value."""
    low, median, high = [], [], []
    for index in shown:
        found = _range([values[min(index, len(values) - 1)] for values in runs])
        low.append(found.low)
        median.append(found.median)
        high.append(found.high)
    return Band(low, median, high)


def _bottle(unit: RehearsedUnit, bottle: str, records: Sequence[RunRecord]) -> Bottle:
    size_ml = unit.bottles_ml.get(bottle)
    curves = [(record.hours, record.values[unit.name][f"{bottle}_ml"]) for record in records]
    ends = [
        hour for hours, used in curves
        if size_ml is not None and (hour := _reached(hours, used, size_ml)) is not None
    ]  # fmt: skip
    used = _range([values[-1] if size_ml is None else min(values[-1], size_ml) for _hours, values in curves])
    return Bottle(bottle, used, size_ml, len(ends), _range(ends) if ends else None)


def _reached(hours: Sequence[float], values: Sequence[float], limit: float) -> float | None:
    return next((hour for hour, value in zip(hours, values, strict=True) if value >= limit), None)


def _range(values: Sequence[float]) -> Range:
    ordered = sorted(values)
    return Range(_quantile(ordered, 0.05), _quantile(ordered, 0.5), _quantile(ordered, 0.95))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, between two of them by proportion, to 6 digits."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    value = ordered[below] + (ordered[above] - ordered[below]) * (place - below)
    return float(f"{value:.6g}")
