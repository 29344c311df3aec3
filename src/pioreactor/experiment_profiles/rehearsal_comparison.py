"""A rehearsal beside what the database has recorded."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Final

import msgspec

from pioreactor.exc import InvalidRequestError
from pioreactor.experiment_profiles.rehearsal_data import Band, ForecastOfUnit, Rehearsal
from pioreactor.structs import from_timestamp

_HOUR: Final = (
    " AND experiment = :experiment AND julianday(timestamp) >= julianday(:start)"
    " AND julianday(timestamp) <= julianday(:start) + :hours / 24.0"
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


@dataclass(frozen=True)
class _Record:
    """What the database has of one unit, during the time of the forecast."""

    connection: sqlite3.Connection
    parameters: dict[str, object]
    start: datetime

    def values(self, quantity: str) -> list[tuple[float, float]]:
        """Return hours since the start, and values."""
        rows = self.connection.execute(f"{_QUERIES[quantity]}{_HOUR} ORDER BY timestamp", self.parameters)
        return [(self._hours(at), value) for at, value in rows if value is not None]

    def _hours(self, timestamp: str) -> float:
        return (from_timestamp(timestamp) - self.start).total_seconds() / 3600.0

    def total_ml(self, quantity: str) -> float:
        rows = self.connection.execute(f"{_DOSES}{_HOUR}", {**self.parameters, "event": _EVENTS[quantity]})
        return float(rows.fetchone()[0])


def compared(rehearsal: Rehearsal, database: Path, began_at: str) -> list[Compared]:
    """Return how a forecast compares with what the database has recorded since `began_at`, as far as it goes.

    Optical density is omitted where the unit's own scale is not that of the forecast: see the growth rate.
    """
    common = {"experiment": rehearsal.experiment, "start": began_at, "hours": max(rehearsal.hours, default=0.0)}
    start = _moment(began_at)
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        records = [(unit, _Record(connection, {**common, "unit": unit.name}, start)) for unit in rehearsal.units]
        return [
            row for unit, record in records
            for row in (*_over_time(rehearsal.hours, unit, record), *_totals(unit, record))
        ]  # fmt: skip


def _moment(text: str) -> datetime:
    try:
        return from_timestamp(text)
    except ValueError as error:
        raise InvalidRequestError(f"{text!r} is not a time", remedy="Write 2026-11-30T08:00:00Z.") from error


def _over_time(hours: Sequence[float], unit: ForecastOfUnit, record: _Record) -> Iterator[Compared]:
    for quantity in _QUERIES:
        if values := record.values(quantity):
            yield _mean_over_time(hours, unit, quantity, values)


def _mean_over_time(
    hours: Sequence[float], unit: ForecastOfUnit, quantity: str, recorded: Sequence[tuple[float, float]]
) -> Compared:
    band: Band = getattr(unit, quantity)
    at, values = zip(*recorded, strict=True)
    low, median, high = (_interpolated(hours, line, at) for line in (band.low, band.median, band.high))
    forecast, lowest, highest, mean = map(fmean, (median, low, high, values))
    return Compared(unit.name, quantity, forecast, lowest, highest, mean, fmean(map(_between, low, values, high)))


def _totals(unit: ForecastOfUnit, record: _Record) -> Iterator[Compared]:
    for quantity in _EVENTS:
        band: Band = getattr(unit, quantity)
        recorded, forecast = record.total_ml(quantity), band.median[-1]
        if recorded > 0.0 or forecast > 0.0:
            yield Compared(unit.name, quantity, forecast, band.low[-1], band.high[-1], recorded, None)


def _between(low: float, value: float, high: float) -> bool:
    return low <= value <= high


def _interpolated(hours: Sequence[float], values: Sequence[float], at: Sequence[float]) -> list[float]:
    import numpy as np

    return [float(value) for value in np.interp(at, hours, values)]
