"""Measurements over time, thinned so that a chart of them still shows every spike."""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, func, inspect, select
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.sql.expression import column as column_named
from sqlalchemy.sql.expression import table as table_named

from pioreactor import measurements
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.leader.repositories.context import Access, Query, fetch, stream
from pioreactor.storage.leader.repositories.rollup_reader import RollupReader, Stretch
from pioreactor.storage.leader.rollups.bucket import Sample
from pioreactor.storage.leader.rollups.pixels import between_edges, drawn, pixels_for
from pioreactor.storage.leader.rollups.rolled_tables import NO_CHANNEL
from pioreactor.storage.leader.schema.dialect import is_number
from pioreactor.structs.encoding import from_timestamp, to_timestamp

DEFAULT_LOOKBACK_HOURS: Final = 4.0
DEFAULT_TARGET_POINTS: Final = 720
MAX_POINTS: Final = 30_000
"""Of one answer; the units of an experiment share them: a chart of many lines is as large as one of a few."""
MIN_POINTS: Final = 12
"""Per series of an experiment of very many units: the first, lowest, highest and last row of two pixels."""
_EVER_HOURS: Final = 24 * 365 * 100

_IDENTIFIER = re.compile(r"[A-Za-z0-9_]+")

_FOREVER: Final = "\U0010ffff"
"""Later than every moment, as a text."""


class Between(NamedTuple):
    """First and last moment of a stretch, inclusive; None leaves it open."""

    start: datetime | None = None
    end: datetime | None = None

    def texts(self) -> tuple[str | None, str | None]:
        """Return both as they are stored; raise `InvalidRequestError` for moments that are none, or in wrong order."""
        try:
            start, end = (None if moment is None else to_timestamp(moment) for moment in self)
        except OverflowError as error:
            raise InvalidRequestError("start_time or end_time is not a time that the calendar has") from error
        if start is not None and end is not None and end < start:
            raise InvalidRequestError("end_time is before start_time")
        return start, end


ALWAYS: Final = Between()


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
        between: Between = ALWAYS,
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
        stretch = self._stretch(lookback_hours, between)
        return self._read(table, series.column, series.digits, experiment, unit, stretch, target_points)

    def of_column(
        self,
        table: str,
        column: str,
        experiment: str,
        *,
        unit: str | None = None,
        lookback_hours: float | None = None,
        between: Between = ALWAYS,
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
        stretch = self._stretch(_EVER_HOURS if lookback_hours is None else lookback_hours, between)
        return self._read(table, column, None, experiment, unit, stretch, target_points)

    def _stretch(self, lookback_hours: float, between: Between) -> Stretch:
        """Return the first and the last moment that are asked for; a given beginning replaces the looking back."""
        if not lookback_hours > 0:
            raise InvalidRequestError("lookback must be a positive number of hours")
        since, until = between.texts()
        if since is None and lookback_hours < _EVER_HOURS:
            since = to_timestamp(self._access.now() - timedelta(hours=lookback_hours))
        return Stretch(since or "", until or _FOREVER)

    def _columns(self, table: str) -> set[str]:
        with self._access.reading() as connection:
            try:
                return {known["name"] for known in inspect(connection).get_columns(table)}
            except NoSuchTableError:
                return set()

    def _read(
        self,
        table: str,
        column: str,
        digits: int | None,
        experiment: str,
        unit: str | None,
        stretch: Stretch,
        target_points: int,
    ) -> TimeSeries:
        if not 0 < target_points <= MAX_POINTS:
            raise InvalidRequestError(f"target_points must be from 1 to {MAX_POINTS:,}, not {target_points:,}")
        found = TimeSeries([], [])
        with self._access.reading() as connection:
            rollups = RollupReader(connection, table, column, experiment)
            units = [unit] if unit is not None else _units(connection, table, experiment)
            points = min(target_points, _share_of(len(units)))
            for name in units:
                for label, channel in _channels(table, name):
                    key = {"experiment": experiment, "pioreactor_unit": name, **channel}
                    samples = _samples(connection, rollups, _queries(table, column, tuple(key)), points, key, stretch)
                    if samples:
                        found.series.append(label)
                        found.data.append([Point(at, _rounded(value, digits)) for at, value in samples])
        return found


def _share_of(units: int) -> int:
    """Return the most points of each of so many units; one by itself may have as many as all."""
    return max(MAX_POINTS // max(units, 1), MIN_POINTS)


class _Queries(NamedTuple):
    """The queries of one kind of series, with the parameters `since`, `until` and those of its key."""

    extent: Query
    samples: Query
    number: Query
    """Of at most `most` rows: counting in the database costs a tenth of reading them."""


@lru_cache(maxsize=64)
def _queries(table: str, column: str, key: tuple[str, ...]) -> _Queries:
    """Return the queries, made once: to make them takes as long as to read a hundred rows."""
    measured = table_named(table, *(column_named(name) for name in dict.fromkeys((*key, "timestamp", column))))
    time, value = measured.c.timestamp, measured.c[column]
    rows = (
        *(measured.c[name] == bindparam(name) for name in key),
        time >= bindparam("since"),
        time <= bindparam("until"),
    )
    numbers = (*rows, is_number(value))
    some = select(time).where(*numbers).limit(bindparam("most")).subquery()
    return _Queries(
        select(func.min(time), func.max(time)).where(*rows),
        select(time, value).where(*numbers).order_by(time),
        select(func.count()).select_from(some),
    )


def _samples(
    connection: Connection,
    rollups: RollupReader,
    queries: _Queries,
    target_points: int,
    key: dict[str, str | int],
    stretch: Stretch,
) -> list[Sample]:
    """Return what is drawn of one series: every row where they are few."""
    samples = _few(connection, queries, target_points, **key, **stretch._asdict())
    _, unit, channel = (*key.values(), NO_CHANNEL)[:3]
    if samples is None and rollups.can_read(str(unit), channel):
        samples = rollups.thinned(str(unit), channel, stretch, target_points)
    if samples is None:
        samples = _thinned(connection, queries, target_points, **key, **stretch._asdict())
    return samples


def _few(connection: Connection, queries: _Queries, target_points: int, **values: str | int) -> list[Sample] | None:
    """Return every row when they are at most so many, else None."""
    [(count,)] = fetch(connection, queries.number, **values, most=target_points + 1)
    return list(stream(connection, queries.samples, **values)) if int(str(count)) <= target_points else None


def _thinned(connection: Connection, queries: _Queries, target_points: int, **values: str | int) -> list[Sample]:
    """Return what is drawn of equal pixels; every row of the time is read."""
    [(first, last)] = fetch(connection, queries.extent, **values)
    edges = _edges(first, last, pixels_for(target_points))
    return drawn(between_edges(stream(connection, queries.samples, **values), edges), target_points)


def _edges(first: str, last: str, stretches: int) -> list[str]:
    """Return the moments at which the second stretch and those after it begin."""
    start, end = from_timestamp(first), from_timestamp(last)
    step = (end - start) / stretches
    return [to_timestamp(start + step * n) for n in range(1, stretches)]


@lru_cache(maxsize=64)
def _units_of(table: str) -> Query:
    """Return the query of the units that have rows, which steps through the index from one to the next."""
    measured = table_named(table, column_named("experiment"), column_named("pioreactor_unit"))
    is_of_experiment = measured.c.experiment == bindparam("experiment")
    first = select(func.min(measured.c.pioreactor_unit).label("unit")).where(is_of_experiment)
    units = first.cte("units", recursive=True)
    following = select(func.min(measured.c.pioreactor_unit)).where(
        is_of_experiment, measured.c.pioreactor_unit > units.c.unit
    )
    units = units.union_all(
        select(following.correlate(units).scalar_subquery()).select_from(units).where(units.c.unit.is_not(None))
    )
    return select(units.c.unit).where(units.c.unit.is_not(None))


def _units(connection: Connection, table: str, experiment: str) -> list[str]:
    return [unit for (unit,) in fetch(connection, _units_of(table), experiment=experiment)]


def _channels(table: str, unit: str) -> list[tuple[str, dict[str, str | int]]]:
    """Return the label of each series of a unit, and what tells its rows from those of the others."""
    spec = measurements.series_specs().get(table)
    if spec is None or spec.series is None or spec.series.channel is None:
        return [(unit, {})]
    column = spec.table.column(spec.series.channel)
    return [(f"{unit}-{channel}", {column.name: channel}) for channel in column.allowed]


def _rounded(value: float, digits: int | None) -> float:
    return value if digits is None else round(value, digits)
