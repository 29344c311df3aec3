"""A rehearsal as a whole: its runs, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Final

from pioreactor.experiment_profiles.profile_struct import read_profile
from pioreactor.experiment_profiles.rehearsal_data import QUANTITIES, ForecastOfUnit, Rehearsal, RunRecord
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan, RehearsedUnit
from pioreactor.processes.worker_pool import Progress
from pioreactor.rehearsal.bottles import bottles_of
from pioreactor.rehearsal.hazards import merged
from pioreactor.rehearsal.quantiles import band_of, range_of_some
from pioreactor.rehearsal.schedulers import Scheduler
from pioreactor.rehearsal.strain import scenario_of

POINTS: Final = 240
"""Most values that a band has."""


def rehearse(plan: RehearsalPlan, *, scheduler: Scheduler, progress: Progress = lambda _share: True) -> Rehearsal:
    """Run a plan and summarize it; equal plans give equal results. When `progress` says so it ends early.

    Nothing outside of the process is read or written. Raise `InvalidProfileError` for a text that is no profile,
    `ConfigurationError` for a strain with impossible values.
    """
    profile = read_profile(plan.profile)
    scenario_of(plan.scenario)
    records: list[RunRecord] = []
    with suppress(KeyboardInterrupt):  # Ctrl-C: what has ended is summarized
        records.extend(scheduler(plan, progress))
    records.sort(key=lambda record: record.number)
    return summarized(plan, profile.experiment_profile_name, records)


def summarized(plan: RehearsalPlan, name: str, records: Sequence[RunRecord]) -> Rehearsal:
    """Return what the runs have in common: quantiles, bottles and hazards."""
    good = [record for record in records if not record.error]
    hours = max((record.hours for record in good), key=len, default=[])
    shown = _shown(len(hours))
    ends = [record.finished_at_h for record in good]
    return Rehearsal(
        profile_name=name,
        experiment=plan.experiment,
        runs=len(records),
        failed_runs=len(records) - len(good),
        seed=plan.seed,
        started_at=plan.started_at,
        hours=list(map(hours.__getitem__, shown)),
        finished_runs=len(ends) - ends.count(None),
        finishes_at_h=range_of_some(ends),
        units=_forecasts(plan.units, good, shown),
        hazards=merged(chain.from_iterable(record.hazards for record in good)),
        notes=[*plan.notes, *_failures(records)],
        is_complete=len(records) == plan.runs,
    )


def _failures(records: Sequence[RunRecord]) -> list[str]:
    return [f"A run failed and is omitted: {error}" for error in sorted({one.error for one in records} - {""})]


def _shown(length: int) -> list[int]:
    """Return the indices of at most `POINTS` samples, the first and the last among them."""
    count = min(length, POINTS)
    return [round(index * (length - 1) / max(1, count - 1)) for index in range(count)]


def _forecasts(
    units: Sequence[RehearsedUnit], records: Sequence[RunRecord], shown: Sequence[int]
) -> list[ForecastOfUnit]:
    return [_forecast(unit, records, shown) for unit in units] if records else []


def _forecast(unit: RehearsedUnit, records: Sequence[RunRecord], shown: Sequence[int]) -> ForecastOfUnit:
    of_unit = [record.values[unit.name] for record in records]
    bands = {name: band_of([values[name] for values in of_unit], shown) for name in QUANTITIES}
    return ForecastOfUnit(name=unit.name, **bands, bottles=bottles_of(unit, records))
