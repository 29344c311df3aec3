"""A rehearsal beside what the database has recorded."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.experiment_profiles.rehearsal_data import Band, Rehearsal
from pioreactor.structs import from_timestamp

_HOUR: Final = (
    " AND julianday(timestamp) >= julianday(:start) AND julianday(timestamp) <= julianday(:start) + :hours / 24.0"
)
_QUERIES: Final[Mapping[str, str]] = {
    "growth_rate_per_h": "SELECT timestamp, rate FROM growth_rates WHERE pioreactor_unit = :unit",
    "celsius": "SELECT timestamp, temperature_c FROM temperature_readings WHERE pioreactor_unit = :unit",
    "volume_ml": "SELECT timestamp, liquid_volume FROM liquid_volumes WHERE pioreactor_unit = :unit",
}
_DOSES: Final = (
    "SELECT total(abs(volume_change_ml)) FROM dosing_events WHERE pioreactor_unit = :unit AND event = :event"
)
_EVENTS: Final = {"media_ml": "add_media", "alt_media_ml": "add_alt_media", "waste_ml": "remove_waste"}


class Compared(msgspec.Struct, frozen=True):
    """One quantity of one unit: forecast and what was recorded, over the time that both have.

    `within_band` is the share of recorded values between the 5 % and the 95 % quantile; None for a total.
    """

    unit: str
    quantity: str
    forecast: float
    low: float
    high: float
    recorded: float
    within_band: float | None


def compared(rehearsal: Rehearsal, database: Path, began_at: str) -> list[Compared]:
    """Return how a forecast compares with what the database has recorded since `began_at`, as far as it goes.

    Optical density is omitted where the unit's own scale is not that of the forecast: see the growth rate.
    """
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = []
        for unit in rehearsal.units:
            for quantity in _QUERIES:
                values = _recorded(connection, rehearsal, unit.name, quantity, began_at)
                if values:
                    found.append(_over_time(rehearsal.hours, getattr(unit, quantity), unit.name, quantity, values))
            found += _totals(connection, rehearsal, unit.name, began_at)
    return found


def _parameters(rehearsal: Rehearsal, unit: str, began_at: str) -> dict[str, object]:
    return {
        "unit": unit,
        "experiment": rehearsal.experiment,
        "start": began_at,
        "hours": rehearsal.hours[-1] if rehearsal.hours else 0.0,
    }


def _recorded(
    connection: sqlite3.Connection, rehearsal: Rehearsal, unit: str, quantity: str, began_at: str
) -> list[tuple[float, float]]:
    """Return hours since the start, and values."""
    query = f"{_QUERIES[quantity]} AND experiment = :experiment{_HOUR} ORDER BY timestamp"
    start = from_timestamp(began_at)
    rows = connection.execute(query, _parameters(rehearsal, unit, began_at))
    return [((from_timestamp(at) - start).total_seconds() / 3600.0, value) for at, value in rows if value is not None]


def _over_time(
    hours: Sequence[float], band: Band, unit: str, quantity: str, values: Sequence[tuple[float, float]]
) -> Compared:
    count = len(values)
    at = [hour for hour, _value in values]
    low, median, high = (_interpolated(hours, line, at) for line in (band.low, band.median, band.high))
    inside = sum(below <= value <= above for below, (_h, value), above in zip(low, values, high, strict=True))
    recorded = sum(value for _hour, value in values) / count
    return Compared(unit, quantity, sum(median) / count, sum(low) / count, sum(high) / count, recorded, inside / count)


def _interpolated(hours: Sequence[float], values: Sequence[float], at: Sequence[float]) -> list[float]:
    found = []
    for hour in at:
        above = min(max(1, bisect_right(hours, hour)), len(hours) - 1)
        below = above - 1
        span = hours[above] - hours[below]
        share = min(1.0, max(0.0, (hour - hours[below]) / span)) if span else 0.0
        found.append(values[below] + (values[above] - values[below]) * share)
    return found


def _totals(connection: sqlite3.Connection, rehearsal: Rehearsal, unit: str, began_at: str) -> list[Compared]:
    forecast = next(one for one in rehearsal.units if one.name == unit)
    parameters = _parameters(rehearsal, unit, began_at)
    found = []
    for quantity, event in _EVENTS.items():
        query = f"{_DOSES} AND experiment = :experiment{_HOUR}"
        recorded = connection.execute(query, {**parameters, "event": event}).fetchone()[0]
        band: Band = getattr(forecast, quantity)
        last = [_last(line) for line in (band.median, band.low, band.high)]
        if recorded or last[0]:
            found.append(Compared(unit, quantity, last[0], last[1], last[2], recorded, None))
    return found


def _last(values: Sequence[float]) -> float:
    return values[-1] if values else 0.0
