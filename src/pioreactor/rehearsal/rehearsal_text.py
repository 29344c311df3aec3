"""A rehearsal in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pioreactor.experiment_profiles.rehearsal_comparison import Compared
from pioreactor.experiment_profiles.rehearsal_data import Band, Bottle, ForecastOfUnit, Range, Rehearsal
from pioreactor.experiment_profiles.rehearsal_hazards import Hazard

_COLUMNS: Final = "{:<16} {:<10} {:>10} {:>10} {:>10}   {}"
_QUANTITIES: Final = {
    "od": "OD at the end",
    "growth_rate_per_h": "growth [1/h]",
    "celsius": "liquid [°C]",
    "volume_ml": "volume [mL]",
}


def text_of(found: Rehearsal) -> str:
    """Return what a person reads: quantities and bottles of each unit, hazards and notes."""
    end = "does not end" if found.finishes_at_h is None else f"ends after {found.finishes_at_h.median:.4g} h"
    partly = "" if found.is_complete else " (canceled)"
    length_h = max(found.hours, default=0.0)
    lines = [f"{found.profile_name}: {found.runs} runs{partly}, {length_h:.4g} h; it {end}."]
    lines.append(_COLUMNS.format("", "unit", "5 %", "median", "95 %", ""))
    for unit in found.units:
        lines += [*_quantities(unit), *_bottles(unit)]
    lines.append("Hazards:" if found.hazards else "No hazards.")
    for hazard in found.hazards:
        lines += _hazard(hazard, found.runs)
    return "\n".join([*lines, *map("Note: {}".format, found.notes)])


def _quantities(unit: ForecastOfUnit) -> Iterator[str]:
    for name, label in _QUANTITIES.items():
        band: Band = getattr(unit, name)
        yield _row(label, unit.name, Range(band.low[-1], band.median[-1], band.high[-1]))


def _bottles(unit: ForecastOfUnit) -> Iterator[str]:
    for one in unit.bottles:
        yield _row(f"{one.bottle} [mL]", unit.name, one.used_ml, _end_of(one))


def _end_of(bottle: Bottle) -> str:
    if bottle.ends_at_h is None:
        return ""
    how = "full" if bottle.bottle == "waste" else "empty"
    return f"{how} after {bottle.ends_at_h.low:.3g} to {bottle.ends_at_h.high:.3g} h"


def _row(label: str, unit: str, values: Range, words: str = "") -> str:
    shown = (f"{value:.4g}" for value in (values.low, values.median, values.high))
    return _COLUMNS.format(label, unit, *shown, words).rstrip()


def _hazard(one: Hazard, runs: int) -> list[str]:
    place = "" if one.line is None else f"line {one.line}: "
    return [f"  {one.at_h:7.2f} h  {one.unit}  {one.runs} of {runs} runs  {place}{one.message}", f"{'':13}{one.remedy}"]


def text_of_comparison(rows: list[Compared]) -> str:
    """Return forecast and record, one row for each quantity of each unit."""
    return "\n".join(map(_compared, rows)) if rows else "Nothing was recorded since."


def _compared(row: Compared) -> str:
    share = "" if row.within_band is None else f"{100 * row.within_band:.0f} % within the band"
    words = f"recorded {row.recorded:.4g} {share}".rstrip()
    return _row(row.quantity, row.unit, Range(row.low, row.forecast, row.high), words)
