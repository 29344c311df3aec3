"""Measurements over time, thinned so that a chart of them still shows every spike."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from pioreactor import measurements
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.leader.repository_context import Access, fetch
from pioreactor.structs.encoding import from_timestamp, to_timestamp

DEFAULT_LOOKBACK_HOURS: Final = 4.0
DEFAULT_TARGET_POINTS: Final = 720
MAX_POINTS: Final = 100_000
"""Per series, whatever is asked for."""
_FETCHED_AT_ONCE: Final = 2000
_EVER_HOURS: Final = 24 * 365 * 100

_IDENTIFIER = re.compile(r"[A-Za-z0-9_]+")

Sample = tuple[str, float]


class Point(msgspec.Struct, frozen=True):
    """`x`: moment, ISO UTC."""

    x: str
    y: float


class TimeSeries(msgspec.Struct, frozen=True):
    """`series[i]` names `data[i]`: a unit, or `<unit>-<channel>`."""

    series: list[str]
    data: list[list[Point]]


class TimeSeriesReader:
    def __init__(self, access: Access) -> None:
        self._access = access

    def known(
        self,
        table: str,
        experiment: str,
        *,
        unit: str | None = None,
        lookback_hours: float = DEFAULT_LOOKBACK_HOURS,
        target_points: int = DEFAULT_TARGET_POINTS,
    ) -> TimeSeries:
        """Return the declared series of a table; raise `NotFoundError` if there is none."""
        declared = measurements.series_specs()
        spec = declared.get(table)
        if spec is None or spec.series is None:
            raise NotFoundError(f"there is no time series {table!r}", remedy=f"Use one of {', '.join(declared)}.")
        series = spec.series
        if spec in measurements.registered_specs() and series.column not in self._columns(table):
            return TimeSeries([], [])  # the database writer creates the table when it starts with the plugin
        return self._read(table, series.column, series.digits, experiment, unit, lookback_hours, target_points)

    def of_column(
        self,
        table: str,
        column: str,
        experiment: str,
        *,
        unit: str | None = None,
        lookback_hours: float | None = None,
        target_points: int = DEFAULT_TARGET_POINTS,
    ) -> TimeSeries:
        """Return the numbers of any column of any table of measurements; `lookback_hours` None: all of them.

        Raises `InvalidRequestError` for what is no name, `NotFoundError` when there is no such table or column.
        """
        for name in (table, column):
            if not _IDENTIFIER.fullmatch(name) or name.startswith("sqlite_"):
                raise InvalidRequestError(f"{name!r} cannot name a table or column")
        if not {"experiment", "pioreactor_unit", "timestamp", column} <= self._columns(table):
            raise NotFoundError(f"there are no measurements {table}.{column}")
        hours = _EVER_HOURS if lookback_hours is None else lookback_hours
        return self._read(table, column, None, experiment, unit, hours, target_points)

    def _columns(self, table: str) -> set[str]:
        return {row[0] for row in self._access.rows("SELECT name FROM pragma_table_info(:table)", table=table)}

    def _read(
        self,
        table: str,
        column: str,
        digits: int | None,
        experiment: str,
        unit: str | None,
        lookback_hours: float,
        target_points: int,
    ) -> TimeSeries:
        if target_points <= 0:
            raise InvalidRequestError("target_points must be positive")
        if not lookback_hours > 0:
            raise InvalidRequestError("lookback must be a positive number of hours")
        since = ""
        if lookback_hours < _EVER_HOURS:
            since = to_timestamp(self._access.now() - timedelta(hours=lookback_hours))
        found = TimeSeries([], [])
        with self._access.reading() as connection:
            units = [unit] if unit is not None else _units(connection, table, experiment)
            for name in units:
                for label, channel in _channels(table, name):
                    key = {"experiment": experiment, "pioreactor_unit": name, **channel}
                    span = _Span(connection, table, column, key, since)
                    samples = span.thinned(min(target_points, MAX_POINTS))
                    if samples:
                        found.series.append(label)
                        found.data.append([Point(at, _rounded(value, digits)) for at, value in samples])
        return found


class _Span:
    """The rows of one series since a moment."""

    def __init__(
        self, connection: Connection, table: str, column: str, key: Mapping[str, str | int], since: str
    ) -> None:
        self._cursor = connection.connection.cursor
        self._where = f"FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in key)} AND timestamp >= ?"
        self._column = column
        self._parameters = (*key.values(), since)

    def thinned(self, target_points: int) -> list[Sample]:
        """Return every row when they are few, else the lowest and highest of equal stretches, and the last row."""
        count, first, last = next(self._run(f"SELECT COUNT(*), MIN(timestamp), MAX(timestamp) {self._where}"))
        if count == 0:
            return []
        samples = self._run(
            f"SELECT timestamp, {self._column} {self._where} AND typeof({self._column}) IN ('real', 'integer') "
            "ORDER BY timestamp"
        )
        if count <= target_points:
            return list(samples)
        return thin(samples, edges=_edges(first, last, max((target_points - 1) // 2, 1)), target_points=target_points)

    def _run(self, sql: str) -> Iterator[Any]:
        """Run without SQLAlchemy's rows: a month of readings is half a million of them."""
        cursor = self._cursor()
        cursor.execute(sql, self._parameters)
        while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
            yield from rows


def thin(samples: Iterable[Sample], *, edges: list[str], target_points: int) -> list[Sample]:
    """Return the lowest and the highest sample between each two edges, in order, and the very last one.

    Moments are compared as texts. A stretch without samples gives none; `target_points` 1 gives the last sample only.
    """
    kept: list[Sample] = []
    following = iter(edges)
    edge = next(following, None)
    low = high = newest = None
    for sample in samples:
        if edge is not None and sample[0] >= edge:
            kept += _in_order(low, high)
            low = high = None
            while edge is not None and sample[0] >= edge:
                edge = next(following, None)
        if low is None or high is None:
            low = high = sample
        elif sample[1] < low[1]:
            low = sample
        elif sample[1] > high[1]:
            high = sample
        newest = sample
    kept += _in_order(low, high)
    if newest is None:
        return []
    if kept[-1] is not newest:
        kept.append(newest)
    return kept if target_points > 2 else kept[-target_points:]


def _in_order(low: Sample | None, high: Sample | None) -> list[Sample]:
    if low is None or high is None:
        return []
    if low is high:
        return [low]
    return [low, high] if low[0] <= high[0] else [high, low]


def _edges(first: str, last: str, stretches: int) -> list[str]:
    """Return the moments at which the second stretch and those after it begin."""
    start, end = from_timestamp(first), from_timestamp(last)
    step = (end - start) / stretches
    return [to_timestamp(start + step * n) for n in range(1, stretches)]


def _units(connection: Connection, table: str, experiment: str) -> list[str]:
    """Return the units that have rows, by stepping through the index from one to the next."""
    rows = fetch(
        connection,
        f"WITH RECURSIVE units(unit) AS (SELECT MIN(pioreactor_unit) FROM {table} WHERE experiment = :experiment "
        f"UNION ALL SELECT (SELECT MIN(pioreactor_unit) FROM {table} WHERE experiment = :experiment "
        "AND pioreactor_unit > unit) FROM units WHERE unit IS NOT NULL) SELECT unit FROM units WHERE unit IS NOT NULL",
        experiment=experiment,
    )
    return [unit for (unit,) in rows]


def _channels(table: str, unit: str) -> list[tuple[str, dict[str, str | int]]]:
    """Return the label of each series of a unit, and what tells its rows from those of the others."""
    spec = measurements.series_specs().get(table)
    if spec is None or spec.series is None or spec.series.channel is None:
        return [(unit, {})]
    column = spec.table.column(spec.series.channel)
    return [(f"{unit}-{channel}", {column.name: channel}) for channel in column.allowed]


def _rounded(value: float, digits: int | None) -> float:
    return value if digits is None else round(value, digits)
