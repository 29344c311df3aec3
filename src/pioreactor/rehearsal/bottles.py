"""Bottles at the units: their sizes, what is used of them, and when they are empty or full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pioreactor.experiment_profiles.rehearsal_data import Bottle, RunRecord
from pioreactor.experiment_profiles.rehearsal_plan import BOTTLES, RehearsedUnit
from pioreactor.rehearsal.present_jobs import number_in
from pioreactor.rehearsal.quantiles import range_of, range_of_some


def with_bottles(units: Sequence[RehearsedUnit], sizes_ml: Mapping[str, float]) -> list[RehearsedUnit]:
    """Return the units with the bottles that are given, or those of `[bottles]` in their configuration."""
    return [msgspec.structs.replace(unit, bottles_ml={**_configured(unit), **sizes_ml}) for unit in units]


def _configured(unit: RehearsedUnit) -> dict[str, float]:
    """Return the sizes in the configuration; the unit has checked their bounds, and ignores a faulty one as well."""
    sizes = ((key.removesuffix("_ml"), number_in(text, key)) for key, text in unit.config.get("bottles", {}).items())
    return {bottle: size_ml for bottle, size_ml in sizes if size_ml is not None and size_ml > 0.0}


def bottles_of(unit: RehearsedUnit, records: Sequence[RunRecord]) -> list[Bottle]:
    """Return the bottles that a unit has, or uses."""
    found = (_bottle(unit, bottle, records) for bottle in BOTTLES)
    return [bottle for bottle in found if bottle.size_ml is not None or bottle.used_ml.high > 0.0]


def _bottle(unit: RehearsedUnit, bottle: str, records: Sequence[RunRecord]) -> Bottle:
    size_ml = unit.bottles_ml.get(bottle)
    limit_ml = float("inf") if size_ml is None else size_ml
    curves = [(record.hours, record.values[unit.name][f"{bottle}_ml"]) for record in records]
    ends = [_reached(hours, used_ml, limit_ml) for hours, used_ml in curves]
    used = range_of([min(used_ml[-1], limit_ml) for _hours, used_ml in curves])
    return Bottle(bottle, used, size_ml, len(ends) - ends.count(None), range_of_some(ends))


def _reached(hours: Sequence[float], values: Sequence[float], limit: float) -> float | None:
    return next((hour for hour, value in zip(hours, values, strict=True) if value >= limit), None)
