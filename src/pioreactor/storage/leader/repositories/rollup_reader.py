"""Long series from their roll-ups: the first, lowest, highest and last row of each pixel, as if every row were read."""

from bisect import bisect
from collections.abc import Iterable, Iterator
from math import ceil
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Text, bindparam, cast, func, literal, select, tuple_
from sqlalchemy.sql.expression import column as column_named
from sqlalchemy.sql.expression import table as table_named

from pioreactor.measurements.spec import BY_TIME
from pioreactor.storage.leader.repositories.context import fetch, stream
from pioreactor.storage.leader.rollups.bucket import Bucket, BucketValues, Sample, add_to
from pioreactor.storage.leader.rollups.levels import MINUTE_CHARACTERS, MINUTES, minute_of, prefix_of
from pioreactor.storage.leader.rollups.pixels import drawn, pixels_for
from pioreactor.storage.leader.rollups.rolled_tables import NO_CHANNEL, RolledTable, rolled_tables
from pioreactor.storage.leader.schema.dialect import insertion_order, is_number, not_indexed
from pioreactor.storage.leader.schema.tables import rollup_buckets, rollup_changes, rollup_progress, rollup_series

MAX_WAITING: Final = 200_000
"""Rows without roll-ups that a reader adds itself; with more, every row of the stretch is read."""
_AFTER: Final = "\U0010ffff"
_EARLIEST: Final = -(2**40)
_LATEST: Final = 2**40
_LEAST_USE: Final = 0.5
"""Of the pixels, how many shall hold rows: with fewer, the rest of the screen is empty and pixels become shorter."""
_ATTEMPTS: Final = 6

_KEPT = (
    *(rollup_buckets.c["count"], rollup_buckets.c.sum, rollup_buckets.c.min, rollup_buckets.c.min_at),
    *(rollup_buckets.c.max, rollup_buckets.c.max_at, rollup_buckets.c.first, rollup_buckets.c.first_at),
    *(rollup_buckets.c.last, rollup_buckets.c.last_at),
)

_of_series = rollup_buckets.c.series_id == bindparam("series")
_BUCKETS = (
    select(rollup_buckets.c.bucket, *_KEPT)
    .where(
        _of_series,
        rollup_buckets.c.level == bindparam("level"),
        rollup_buckets.c.bucket >= bindparam("begin"),
        rollup_buckets.c.bucket < bindparam("end"),
    )
    .order_by(rollup_buckets.c.bucket)
)
_MINUTES_WITHIN = (
    *(_of_series, rollup_buckets.c.level == 0),
    *(rollup_buckets.c.bucket >= bindparam("since"), rollup_buckets.c.bucket <= bindparam("until")),
)
# Each by itself is found in the index.
_EXTENT = select(
    select(func.min(rollup_buckets.c.bucket)).where(*_MINUTES_WITHIN).scalar_subquery(),
    select(func.max(rollup_buckets.c.bucket)).where(*_MINUTES_WITHIN).scalar_subquery(),
)

Numbered = tuple[int, BucketValues]
"""The first minute of a bucket, and what is stored of it."""


class Stretch(NamedTuple):
    """First and last moment as they are stored, inclusive."""

    since: str
    until: str

    def holds(self, at: str) -> bool:
        return self.since <= at <= self.until


class _Asked(NamedTuple):
    unit: str
    channel: str | int
    stretch: Stretch


class RollupReader:
    """The roll-ups of one column of a table, for one experiment, at one moment of the database."""

    def __init__(self, connection: Connection, table: str, column: str, experiment: str) -> None:
        self._connection = connection
        self._experiment = experiment
        self._ids: dict[tuple[str, str], int] = {}
        self._waiting: dict[tuple[str, str], list[Sample]] = {}
        rolled = rolled_tables().get(table)
        if rolled is not None and column in rolled.columns:
            self._open(rolled, column)

    def _open(self, rolled: RolledTable, column: str) -> None:
        table, experiment = rolled.name, self._experiment
        names = dict.fromkeys((*BY_TIME, rolled.channel or column, column))
        self._rows = table_named(table, *(column_named(name) for name in names))
        self._value, self._channel = self._rows.c[column], rolled.channel
        progress = select(func.coalesce(func.max(rollup_progress.c.through), 0))
        newest = select(func.coalesce(func.max(insertion_order(self._rows)), 0)).select_from(self._rows)
        self._through = self._number(progress.where(rollup_progress.c.table_name == table))
        if not 0 <= self._number(newest) - self._through <= MAX_WAITING:
            return  # not rolled up yet, or numbered anew
        changed = select(rollup_changes.c.pioreactor_unit, rollup_changes.c.channel).where(
            rollup_changes.c.table_name == table, rollup_changes.c.experiment == experiment
        )
        series = select(rollup_series.c.pioreactor_unit, rollup_series.c.channel, rollup_series.c.id).where(
            rollup_series.c.table_name == table,
            rollup_series.c.column_name == column,
            rollup_series.c.experiment == experiment,
            tuple_(rollup_series.c.pioreactor_unit, rollup_series.c.channel).not_in(changed),
        )
        self._ids = {(str(unit), str(channel)): int(id_) for unit, channel, id_ in fetch(self._connection, series)}
        self._read_waiting(self._through)

    def _number(self, query: Select[int]) -> int:
        return int(str(fetch(self._connection, query)[0][0]))

    def _read_waiting(self, through: int) -> None:
        rows = self._rows
        channel: ColumnElement[str] = literal(NO_CHANNEL)
        if self._channel is not None:
            channel = func.coalesce(cast(rows.c[self._channel], Text), NO_CHANNEL)
        query = select(rows.c.pioreactor_unit, channel, rows.c.timestamp, self._value).where(
            insertion_order(rows) > through,
            not_indexed(rows.c.experiment) == self._experiment,
            is_number(self._value),
        )
        for unit, of_channel, at, value in stream(self._connection, query.order_by(insertion_order(rows))):
            if minute_of(str(at)[:MINUTE_CHARACTERS]) is not None:
                self._waiting.setdefault((str(unit), str(of_channel)), []).append((at, value))

    def can_read(self, unit: str, channel: str | int) -> bool:
        """Return whether the roll-ups of a series are complete but for the rows that wait."""
        return (unit, str(channel)) in self._ids

    def thinned(self, unit: str, channel: str | int, stretch: Stretch, target_points: int) -> list[Sample] | None:
        """Return at most `target_points` rows; None when a pixel is shorter than a minute: there the rows are few."""
        key = (unit, str(channel))
        waiting = [sample for sample in self._waiting.get(key, []) if stretch.holds(sample[0])]
        extent = self._extent(self._ids[key], stretch, waiting)
        if extent is None:
            return None
        pixels = pixels_for(target_points)
        if extent[1] - extent[0] < pixels:
            return None
        fitted = self._fitted(_Asked(unit, channel, stretch), extent, waiting, pixels)
        return drawn((fitted[pixel] for pixel in sorted(fitted)), target_points)

    def _fitted(self, asked: _Asked, extent: tuple[int, int], waiting: list[Sample], pixels: int) -> dict[int, Bucket]:
        """Return pixels of such a length that at most so many hold rows, and at least half as many."""
        minutes_per_pixel = (extent[1] - extent[0] + 1) / pixels
        found: dict[int, Bucket] = {}
        for _ in range(_ATTEMPTS):
            level = bisect(MINUTES, max(minutes_per_pixel, 1)) - 1
            width = MINUTES[level] * ceil(minutes_per_pixel / MINUTES[level])
            found = _by_pixel(self._buckets(asked, extent, level), waiting, width)
            if len(found) >= _LEAST_USE * pixels or width == 1:
                break
            minutes_per_pixel *= len(found) / pixels
        return found

    def _extent(self, id_: int, stretch: Stretch, waiting: list[Sample]) -> tuple[int, int] | None:
        """Return the first and the last minute that may have rows."""
        ends = {"since": _minute_or(stretch.since, _EARLIEST), "until": _minute_or(stretch.until, _LATEST)}
        found = [int(str(at)) for at in fetch(self._connection, _EXTENT, series=id_, **ends)[0] if at is not None]
        found += [_minute_or(at, _EARLIEST) for at, _ in waiting]
        return (min(found), max(found)) if found else None

    def _buckets(self, asked: _Asked, extent: tuple[int, int], level: int) -> Iterator[Numbered]:
        """Yield in order what a stretch consists of: buckets of the level, at its ends shorter ones and cut minutes."""
        stretch, (first, last) = asked.stretch, extent
        if stretch.since > prefix_of(first):
            yield from self._minute(asked, first)
            first += 1
        is_cut = stretch.until < prefix_of(last + 1) and last >= first
        for n, begin, end in _pieces(first, last if is_cut else last + 1, level):
            key = {"series": self._ids[asked.unit, str(asked.channel)], "level": n}
            for number, *values in stream(self._connection, _BUCKETS, **key, begin=begin, end=end):
                yield number * MINUTES[n], tuple(values)
        if is_cut:
            yield from self._minute(asked, last)

    def _minute(self, asked: _Asked, minute: int) -> Iterator[Numbered]:
        """Yield the rows of a minute that the stretch holds; those that wait are added by the caller."""
        rows, (unit, channel, stretch) = self._rows, asked
        query = select(rows.c.timestamp, self._value).where(
            rows.c.experiment == self._experiment,
            rows.c.pioreactor_unit == unit,
            *([] if self._channel is None else [rows.c[self._channel] == channel]),
            rows.c.timestamp >= max(stretch.since, prefix_of(minute)),
            # One bound, because an index is searched by one.
            rows.c.timestamp <= min(stretch.until, prefix_of(minute) + _AFTER),
            not_indexed(insertion_order(rows)) <= self._through,
            is_number(self._value),
        )
        for at, value in stream(self._connection, query.order_by(rows.c.timestamp)):
            yield minute, Bucket(at, value).values()


def _pieces(first: int, end: int, level: int) -> list[tuple[int, int, int]]:
    """Return level, first bucket and the one after the last, in order, which together are the minutes up to `end`."""
    before, after = [], []
    for n in range(level):
        width = MINUTES[n + 1]
        inner, outer = -(-first // width) * width, end // width * width
        if inner >= outer:
            level = n
            break
        before.append((n, first // MINUTES[n], inner // MINUTES[n]))
        after.append((n, outer // MINUTES[n], end // MINUTES[n]))
        first, end = inner, outer
    pieces = [*before, (level, first // MINUTES[level], end // MINUTES[level]), *reversed(after)]
    return [piece for piece in pieces if piece[1] < piece[2]]


def _minute_or(at: str, otherwise: int) -> int:
    minute = minute_of(at[:MINUTE_CHARACTERS])
    return otherwise if minute is None else minute


def _by_pixel(buckets: Iterable[Numbered], waiting: Iterable[Sample], width: int) -> dict[int, Bucket]:
    """Return the pixels by number, of buckets in order; rows that wait were inserted after all others."""
    found: dict[int, Bucket] = {}
    for minute, values in buckets:
        pixel = found.get(minute // width)
        if pixel is None:
            found[minute // width] = Bucket.of(values)
        else:
            pixel.extend(values)
    for at, value in waiting:
        add_to(found, _minute_or(at, _EARLIEST) // width, Bucket(at, value))
    return found
