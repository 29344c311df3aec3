"""Compares roll-ups with the rows that they are made from, and makes them anew where they differ."""

import math
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final

import msgspec

from pioreactor.storage.leader.dataset_rows import DatasetRows, open_dataset_rows
from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.storage.leader.location import DatabaseLocation
from pioreactor.storage.leader.rollups.bucket import Bucket, coarser
from pioreactor.storage.leader.rollups.levels import FACTOR, LEVELS, MINUTE_CHARACTERS, minute_of, prefix_of
from pioreactor.storage.leader.rollups.rolled_tables import NO_CHANNEL, RolledTable, rolled_tables

_SUM_TOLERANCE: Final = 1e-9
"""Relative: sums depend on the order of their terms."""
_VALUES: Final = "count, sum, min, min_at, max, max_at, first, first_at, last, last_at"
_NAMED: Final = 5


class VerifiedRollups(msgspec.Struct):
    """How the roll-ups of one table compare with its rows.

    `waiting`: minutes whose rows were changed and that the database writer has not rolled up again: these are not
    compared. `examples`: the first that differ.
    """

    table: str
    differing: int
    waiting: int
    examples: list[str]


def verify_rollups(location: DatabaseLocation) -> list[VerifiedRollups]:
    """Compare all roll-ups with the rows, at one moment of the database; nothing is changed. Raise `StorageError`."""
    with open_dataset_rows(location) as rows:
        present = set(rows.tables())
        return [_verified(rows, rolled) for name, rolled in rolled_tables().items() if name in present]


def _verified(rows: DatasetRows, rolled: RolledTable) -> VerifiedRollups:
    query = f"SELECT count(*) FROM rollup_changes WHERE table_name = {rows.mark}"
    [[waiting]] = rows.stream(query, (rolled.name,))
    found = [] if waiting else list(differences(rows, rolled))
    return VerifiedRollups(rolled.name, len(found), int(waiting), found[:_NAMED])


def repair_rollups(
    location: DatabaseLocation, tables: list[str], report: Callable[[str], object] = lambda _: None
) -> None:
    """Make the roll-ups of tables anew from their rows, while the database is used. Raise `StorageError`.

    Cut off, the database writer continues it; charts read the rows themselves until then.
    """
    sink = open_record_sink(location)
    try:
        for table in tables:
            report(f"{table}: its roll-ups are made anew")
            sink.forget_roll_ups(table)
        while sink.roll_up():
            pass
    finally:
        sink.close()


def differences(rows: DatasetRows, rolled: RolledTable) -> Iterator[str]:
    """Yield a line for each bucket that is not what its rows say; rows that wait to be rolled up are skipped.

    Call it when no changes wait. Memory holds the buckets of one series.
    """
    asked = f"SELECT through FROM rollup_progress WHERE table_name = {rows.mark}"
    through = next((int(row[0]) for row in list(rows.stream(asked, (rolled.name,)))), 0)
    for column in rolled.columns:
        known = _series(rows, rolled, column)
        for key, minutes in _recomputed(rows, rolled, column, through):
            id_ = known.pop(key, -1)
            name = f"{rolled.name}.{column} of {' '.join(key)}"
            for level in range(LEVELS):
                yield from _compared(name, level, minutes, _stored(rows, id_, level))
                minutes = coarser(sorted(minutes.items()), FACTOR)
        for key, id_ in known.items():
            if _stored(rows, id_, 0):
                yield f"{rolled.name}.{column} of {' '.join(key)}: there are no rows of this series"


def _series(rows: DatasetRows, rolled: RolledTable, column: str) -> dict[tuple[str, str, str], int]:
    """Return the series that have roll-ups, by experiment, unit and channel."""
    found = rows.stream(
        "SELECT experiment, pioreactor_unit, channel, id FROM rollup_series "
        f"WHERE table_name = {rows.mark} AND column_name = {rows.mark}",
        (rolled.name, column),
    )
    return {(experiment, unit, channel): id_ for experiment, unit, channel, id_ in found}


def _recomputed(
    rows: DatasetRows, rolled: RolledTable, column: str, through: int
) -> Iterator[tuple[tuple[str, str, str], dict[int, Bucket]]]:
    """Yield the minutes of each series, from its rows."""
    names = ("experiment", "pioreactor_unit", rolled.channel, "timestamp")
    key = ", ".join("''" if name is None else f"COALESCE(CAST(\"{name}\" AS TEXT), '')" for name in names)
    found = rows.stream(
        f'SELECT {key}, "{column}" FROM "{rolled.name}" WHERE rowid <= {rows.mark} AND "{column}" IS NOT NULL '
        "ORDER BY 1, 2, 3, 4, rowid",
        (through,),
    )
    for (experiment, unit, channel), of_series in groupby(found, key=lambda row: row[:3]):
        minutes: dict[int, Bucket] = {}
        for *_, at, value in of_series:
            minute = minute_of(at[:MINUTE_CHARACTERS])
            if minute is None or not isinstance(value, int | float) or math.isnan(value):
                continue
            bucket = minutes.get(minute)
            if bucket is None:
                minutes[minute] = Bucket(at, value)
            else:
                bucket.add(at, value)
        if minutes:
            yield (experiment, unit, channel if rolled.channel is not None else NO_CHANNEL), minutes


def _stored(rows: DatasetRows, id_: int, level: int) -> dict[int, Bucket]:
    mark = rows.mark
    found = rows.stream(
        f"SELECT bucket, {_VALUES} FROM rollup_buckets WHERE series_id = {mark} AND level = {mark}", (id_, level)
    )
    return {number: Bucket.of(tuple(values)) for number, *values in found}


def _compared(name: str, level: int, expected: dict[int, Bucket], stored: dict[int, Bucket]) -> Iterator[str]:
    for number in sorted(expected.keys() | stored.keys()):
        right, kept = expected.get(number), stored.get(number)
        if right is None or kept is None or not _same(right, kept):
            yield f"{name}: level {level}, from {prefix_of(number * FACTOR**level)}"


def _same(right: Bucket, kept: Bucket) -> bool:
    (count, total, *ends), (kept_count, kept_total, *kept_ends) = right.values(), kept.values()
    if count != kept_count or ends != kept_ends:
        return False
    size = max(abs(right.min), abs(right.max)) * count
    if total is None or kept_total is None or not math.isfinite(total):
        return kept_total is None or not math.isfinite(kept_total)
    return math.isclose(total, kept_total, rel_tol=_SUM_TOLERANCE, abs_tol=_SUM_TOLERANCE * size)
