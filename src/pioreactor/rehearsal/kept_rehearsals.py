"""Rehearsals that are kept on the leader: one JSON file each, below the name of its experiment."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from pioreactor.exc import NotFoundError, StorageError
from pioreactor.experiment_profiles.rehearsal_data import Band, Rehearsal
from pioreactor.private_files import write_atomically
from pioreactor.structs import from_timestamp

_ID: Final = re.compile(r"[0-9]{8}T[0-9]{6}(-[0-9]{1,3})?$(?!\n)")
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


@dataclass
class KeptRehearsals:
    """The folder of kept rehearsals."""

    folder: Path

    def keep(self, rehearsal: Rehearsal, now: datetime) -> str:
        """Store a rehearsal and return its id."""
        here = self.folder / _folder_name(rehearsal.experiment)
        base = now.strftime("%Y%m%dT%H%M%S")
        try:
            here.mkdir(parents=True, exist_ok=True)
            taken = {path.stem for path in here.glob("*.json")}
            id_ = next(name for name in (base, *(f"{base}-{n}" for n in range(2, 1000))) if name not in taken)
            write_atomically(here / f"{id_}.json", msgspec.json.encode(rehearsal).decode())
        except OSError as error:
            raise StorageError(f"the rehearsal cannot be kept in {here}: {error.strerror}") from error
        return id_

    def ids(self, experiment: str) -> list[str]:
        """Return the ids of an experiment's rehearsals, oldest first."""
        return sorted(path.stem for path in (self.folder / _folder_name(experiment)).glob("*.json"))

    def load(self, experiment: str, id_: str | None = None) -> Rehearsal:
        """Return one rehearsal, the last one without an id; raise `NotFoundError`."""
        known = self.ids(experiment)
        wanted = known[-1] if id_ is None and known else id_
        if wanted is None or wanted not in known or _ID.match(wanted) is None:
            raise NotFoundError(
                f"no rehearsal {'' if id_ is None else id_ + ' '}of {experiment} is kept",
                remedy="Rehearse a profile: pio rehearse PROFILE.",
            )
        path = self.folder / _folder_name(experiment) / f"{wanted}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Rehearsal)
        except (OSError, msgspec.MsgspecError) as error:
            raise StorageError(f"{path} cannot be read: {error}") from error


def _folder_name(experiment: str) -> str:
    return quote(experiment, safe=" ").replace(".", "%2E")


def compared(rehearsal: Rehearsal, database: Path, began_at: str) -> list[Compared]:
    """Return how a forecast compares with what the database has recorded since `began_at`, as far as it goes.

    Optical density is left out where the unit's own scale is not that of the forecast: see the growth rate.
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
    from bisect import bisect_right

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
