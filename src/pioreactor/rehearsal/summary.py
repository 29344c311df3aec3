"""What the runs of a rehearsal have in common: quantiles, bottles and hazards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pioreactor.experiment_profiles.rehearsal_data import (
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

POINTS: Final = 240
"""Most values that a band has."""


def summarized(plan: RehearsalPlan, name: str, records: Sequence[RunRecord]) -> Rehearsal:
    """Return what the runs have in common: quantiles, bottles and hazards."""
    good = [record for record in records if not record.error]
    hours = max((record.hours for record in good), key=len, default=[])
    shown = _shown(len(hours))
    ends = [record.finished_at_h for record in good if record.finished_at_h is not None]
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
        notes=[*plan.notes, *_failures(records)],
        is_complete=len(records) == plan.runs,
    )


def _failures(records: Sequence[RunRecord]) -> list[str]:
    return [f"A run failed and is omitted: {error}" for error in sorted({one.error for one in records} - {""})]


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
