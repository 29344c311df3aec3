"""Compares roll-ups with the rows that they are made from."""

import math
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from pioreactor.storage.leader.rollups.bucket import Bucket, coarser
from pioreactor.storage.leader.rollups.levels import FACTOR, LEVELS, MINUTE_CHARACTERS, minute_of, prefix_of
from pioreactor.storage.leader.rollups.rolled_tables import NO_CHANNEL, RolledTable

_SUM_TOLERANCE: Final = 1e-9
"""Relative: sums depend on the order of their terms."""
_VALUES: Final = "count, sum, min, min_at, max, max_at, first, first_at, last, last_at"


def differences(connection: sqlite3.Connection, rolled: RolledTable) -> Iterator[str]:
    """Yield a line for each bucket that is not what its rows say; rows that wait to be rolled up are skipped.

    Call it within a transaction, and when no changes wait. Memory holds the buckets of one series.
    """
    found = connection.execute("SELECT through FROM rollup_progress WHERE table_name = ?", (rolled.name,)).fetchone()
    through = 0 if found is None else int(found[0])
    for column in rolled.columns:
        known = _series(connection, rolled, column)
        for (unit, experiment, channel), minutes in _recomputed(connection, rolled, column, through):
            id_ = known.pop((experiment, unit, channel), -1)
            name = f"{rolled.name}.{column} of {unit} {channel} in {experiment}"
            for level in range(LEVELS):
                yield from _compared(name, level, minutes, _stored(connection, id_, level))
                minutes = coarser(sorted(minutes.items()), FACTOR)
        for key, id_ in known.items():
            if _stored(connection, id_, 0):
                yield f"{rolled.name}.{column} of {' '.join(key)}: there are no rows of this series"


def _series(connection: sqlite3.Connection, rolled: RolledTable, column: str) -> dict[tuple[str, str, str], int]:
    rows = connection.execute(
        "SELECT experiment, pioreactor_unit, channel, id FROM rollup_series WHERE table_name = ? AND column_name = ?",
        (rolled.name, column),
    )
    return {(experiment, unit, channel): id_ for experiment, unit, channel, id_ in rows}


def _recomputed(
    connection: sqlite3.Connection, rolled: RolledTable, column: str, through: int
) -> Iterator[tuple[tuple[str, str, str], dict[int, Bucket]]]:
    channel = "NULL" if rolled.channel is None else f'"{rolled.channel}"'
    rows = connection.execute(
        f'SELECT experiment, pioreactor_unit, {channel}, timestamp, "{column}" FROM "{rolled.name}" '
        f"WHERE rowid <= ? AND typeof(\"{column}\") IN ('real', 'integer') AND typeof(timestamp) = 'text' "
        f"ORDER BY experiment, pioreactor_unit, {channel}, timestamp, rowid",
        (through,),
    )
    for (experiment, unit, of_channel), of_series in groupby(rows, key=lambda row: row[:3]):
        minutes: dict[int, Bucket] = {}
        for *_, at, value in of_series:
            minute = minute_of(at[:MINUTE_CHARACTERS])
            if minute is None:
                continue
            bucket = minutes.get(minute)
            if bucket is None:
                minutes[minute] = Bucket(at, value)
            else:
                bucket.add(at, value)
        if minutes:
            yield (unit, experiment, NO_CHANNEL if of_channel is None else str(of_channel)), minutes


def _stored(connection: sqlite3.Connection, id_: int, level: int) -> dict[int, Bucket]:
    rows = connection.execute(
        f"SELECT bucket, {_VALUES} FROM rollup_buckets WHERE series_id = ? AND level = ?", (id_, level)
    )
    return {number: Bucket.of(tuple(values)) for number, *values in rows}


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
