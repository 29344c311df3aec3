"""Keeps the roll-ups up to date, with plain SQL: the database writer's process has no SQLAlchemy."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

from pioreactor.measurements.spec import BY_TIME
from pioreactor.storage.leader.rollups.bucket import Bucket, add_to, coarser
from pioreactor.storage.leader.rollups.levels import FACTOR, LEVELS, MINUTE_CHARACTERS, minute_of, prefix_of
from pioreactor.storage.leader.rollups.rolled_tables import RolledTable, rolled_tables
from pioreactor.storage.leader.rollups.sqlite_triggers import triggers_of
from pioreactor.storage.ports import SqlConnection, ValueType

ROWS_PER_STEP: Final = 20_000
"""Rows that are added in one transaction: about 0.1 s."""
CHANGES_PER_STEP: Final = 500
_FETCHED_AT_ONCE: Final = 1000
_AFTER: Final = "\U0010ffff"

SeriesKey = tuple[str, str, str, str]
"""Column, experiment, unit, channel."""
Minutes = dict[str, Bucket]
"""By what the moments of a minute begin with."""

VALUES: Final = "count, sum, min, min_at, max, max_at, first, first_at, last, last_at"
_INTO: Final = f"INSERT INTO rollup_buckets AS b (series_id, level, bucket, {VALUES}) "
_INSERT: Final = f"{_INTO} VALUES ({'?, ' * 12}?) "
_KEY: Final = "ON CONFLICT (series_id, level, bucket) DO UPDATE SET "
_REPLACE: Final = _INSERT + _KEY + ", ".join(f"{name} = excluded.{name}" for name in VALUES.split(", "))
_MERGED: Final = f"""{_KEY}
    count = b.count + excluded.count, sum = b.sum + excluded.sum,
    min_at = CASE WHEN excluded.min < b.min OR (excluded.min = b.min AND excluded.min_at < b.min_at)
        THEN excluded.min_at ELSE b.min_at END,
    min = CASE WHEN excluded.min < b.min THEN excluded.min ELSE b.min END,
    max_at = CASE WHEN excluded.max > b.max OR (excluded.max = b.max AND excluded.max_at < b.max_at)
        THEN excluded.max_at ELSE b.max_at END,
    max = CASE WHEN excluded.max > b.max THEN excluded.max ELSE b.max END,
    first = CASE WHEN excluded.first_at < b.first_at THEN excluded.first ELSE b.first END,
    first_at = CASE WHEN excluded.first_at < b.first_at THEN excluded.first_at ELSE b.first_at END,
    last = CASE WHEN excluded.last_at >= b.last_at THEN excluded.last ELSE b.last END,
    last_at = CASE WHEN excluded.last_at >= b.last_at THEN excluded.last_at ELSE b.last_at END"""


def merge_from(rows: str) -> str:
    """Return the statement that merges rows, given by SQL, into the buckets that are there."""
    return f"{_INTO} {rows} {_MERGED}"


class SqliteRollups:
    """The roll-ups of one database. Every method works within the transaction that the caller has begun."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection
        self._ids: dict[tuple[str, SeriesKey], int] = {}
        self.tables = self._present_tables()

    def _present_tables(self) -> dict[str, RolledTable]:
        """Return the tables that are rolled up; those of plugins get their triggers."""
        present = {name: rolled for name, rolled in rolled_tables().items() if self._is_present(rolled)}
        for rolled in present.values():
            self._create_triggers(rolled)
        return present

    def _create_triggers(self, rolled: RolledTable) -> None:
        for statement in triggers_of(rolled).values():
            self._connection.execute(statement.replace("CREATE TRIGGER", "CREATE TRIGGER IF NOT EXISTS", 1))

    def _is_present(self, rolled: RolledTable) -> bool:
        """Return whether the table has the declared columns, and rows with numbers."""
        names = [*BY_TIME, *rolled.columns, *([] if rolled.channel is None else [rolled.channel])]
        found = {
            str(row[0]) for row in self._connection.execute("SELECT name FROM pragma_table_info(?)", (rolled.name,))
        }
        if not found.issuperset(names):
            return False
        try:
            self._connection.execute(f"SELECT rowid FROM {_quoted(rolled.name)} LIMIT 0")
        except sqlite3.OperationalError:
            return False
        return True

    @staticmethod
    def _is_number(column: str) -> str:
        return f"typeof({column}) IN ('real', 'integer')"

    def _merge(self, rows: Iterable[tuple[ValueType, ...]]) -> None:
        self._connection.executemany(_INSERT + _MERGED, rows)

    def step(self) -> int:
        """Add what waits, in an amount for one transaction; return how many rows and minutes that were."""
        done = self.add_changes()
        for rolled in self.tables.values():
            if done >= ROWS_PER_STEP:
                break
            done += self.add_new_rows(rolled, limit=ROWS_PER_STEP - done)
        return done

    def add_new_rows(self, rolled: RolledTable, *, limit: int = ROWS_PER_STEP) -> int:
        """Add rows that are not rolled up yet, at most `limit` of them; return how many were added."""
        self._ids.clear()  # other processes may have deleted series
        through = self.through(rolled)
        # What is no text cannot be a key, and what is no number has no extremes.
        key = ", ".join(
            "''" if name is None else f"COALESCE(CAST({_quoted(name)} AS TEXT), '')"
            for name in ("experiment", "pioreactor_unit", rolled.channel, "timestamp")
        )
        numbers = ", ".join(
            f"CASE WHEN {self._is_number(name)} THEN {name} END" for name in map(_quoted, rolled.columns)
        )
        cursor = self._connection.execute(
            f"SELECT rowid, {key}, {numbers} FROM {_quoted(rolled.name)} WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (through, limit),
        )
        added, newest = 0, through
        found: dict[tuple[str, str, str, str], list[Bucket | None]] = {}
        while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
            added += len(rows)
            newest = rows[-1][0]
            _aggregate(rows, len(rolled.columns), found)
        if added:
            self._store(rolled, found)
            self._note_through(rolled, newest)
        return added

    def through(self, rolled: RolledTable) -> int:
        """Return the number of the last row that is rolled up; begin anew if rows were numbered anew (`VACUUM`)."""
        row = self._connection.execute(
            f"SELECT through, (SELECT COALESCE(MAX(rowid), 0) FROM {_quoted(rolled.name)}) FROM rollup_progress "
            "WHERE table_name = ?",
            (rolled.name,),
        ).fetchone()
        if row is None:
            return 0
        if row[0] > row[1]:
            self.forget(rolled)
            return 0
        return int(row[0])

    def waiting(self, rolled: RolledTable) -> int:
        """Return about how many rows are not rolled up yet."""
        [[newest]] = self._connection.execute(f"SELECT COALESCE(MAX(rowid), 0) FROM {_quoted(rolled.name)}").fetchall()
        return int(newest) - self.through(rolled)

    def add_changes(self, *, limit: int = CHANGES_PER_STEP) -> int:
        """Roll up again minutes in which rows were deleted or changed; return how many that were."""
        self._ids.clear()
        changes = self._connection.execute(
            "SELECT table_name, experiment, pioreactor_unit, channel, minute FROM rollup_changes LIMIT ?", (limit,)
        ).fetchall()
        touched: dict[int, set[int]] = {}
        for table, experiment, unit, channel, prefix in changes:
            minute = minute_of(prefix)
            if table not in self.tables or minute is None:
                continue
            for column in self.tables[table].columns:
                id_ = self._id(table, (column, experiment, unit, channel))
                self._roll_up_again(self.tables[table], (column, experiment, unit, channel), id_, minute)
                touched.setdefault(id_, set()).add(minute // FACTOR)
        for id_, parents in touched.items():
            self._rebuild_parents(id_, parents)
        self._connection.executemany(
            "DELETE FROM rollup_changes WHERE (table_name, experiment, pioreactor_unit, channel, minute) "
            "= (?, ?, ?, ?, ?)",
            changes,
        )
        return len(changes)

    def forget(self, rolled: RolledTable) -> None:
        """Remove the roll-ups of a table: they are made anew from its rows."""
        self._ids.clear()
        for statement in (
            "DELETE FROM rollup_series WHERE table_name = ?",
            "DELETE FROM rollup_changes WHERE table_name = ?",
            "DELETE FROM rollup_progress WHERE table_name = ?",
        ):
            self._connection.execute(statement, (rolled.name,))

    def _store(self, rolled: RolledTable, found: dict[tuple[str, str, str, str], list[Bucket | None]]) -> None:
        series: dict[int, dict[int, Bucket]] = {}
        for (experiment, unit, channel, prefix), buckets in found.items():
            minute = minute_of(prefix)
            if minute is None:
                continue
            for column, bucket in zip(rolled.columns, buckets, strict=True):
                if bucket is not None:
                    id_ = self._id(rolled.name, (column, experiment, unit, channel))
                    series.setdefault(id_, {})[minute] = bucket
        self._merge(_stored(series))

    def _note_through(self, rolled: RolledTable, through: int) -> None:
        self._connection.execute(
            "INSERT INTO rollup_progress (table_name, through) VALUES (?, ?) "
            "ON CONFLICT (table_name) DO UPDATE SET through = excluded.through",
            (rolled.name, through),
        )

    def _id(self, table: str, key: SeriesKey) -> int:
        known = self._ids.get((table, key))
        if known is not None:
            return known
        where = "table_name = ? AND column_name = ? AND experiment = ? AND pioreactor_unit = ? AND channel = ?"
        found = self._connection.execute(f"SELECT id FROM rollup_series WHERE {where}", (table, *key)).fetchall()
        if not found:
            names = "table_name, column_name, experiment, pioreactor_unit, channel"
            found = self._connection.execute(
                f"INSERT INTO rollup_series ({names}) VALUES (?, ?, ?, ?, ?) RETURNING id", (table, *key)
            ).fetchall()
        self._ids[table, key] = int(found[0][0])
        return int(found[0][0])

    def _roll_up_again(self, rolled: RolledTable, key: SeriesKey, id_: int, minute: int) -> None:
        column, experiment, unit, channel = key
        prefix = prefix_of(minute)
        is_without = rolled.channel is None or not channel
        of_channel = "" if rolled.channel is None else f" AND {_quoted(rolled.channel)}"
        of_channel += "" if rolled.channel is None else " IS NULL" if is_without else " = ?"
        rows = self._connection.execute(
            f"SELECT timestamp, {_quoted(column)} FROM {_quoted(rolled.name)} WHERE experiment = ? AND "
            f"pioreactor_unit = ? AND timestamp >= ? AND timestamp < ? AND +rowid <= ?{of_channel} "
            f"AND {self._is_number(_quoted(column))} ORDER BY timestamp, rowid",
            (experiment, unit, prefix, prefix + _AFTER, self.through(rolled), *([] if is_without else [channel])),
        )
        found: dict[int, Bucket] = {}
        for at, value in rows:
            add_to(found, minute, Bucket(at, value))
        self._replace(id_, 0, minute, found.get(minute))

    def _rebuild_parents(self, id_: int, parents: set[int]) -> None:
        for level in range(1, LEVELS):
            for number in parents:
                children = self._connection.execute(
                    f"SELECT {VALUES} FROM rollup_buckets WHERE series_id = ? AND level = ? AND bucket >= ? "
                    "AND bucket < ? ORDER BY bucket",
                    (id_, level - 1, number * FACTOR, (number + 1) * FACTOR),
                )
                merged = coarser(((0, Bucket.of(values)) for values in children), 1).get(0)
                self._replace(id_, level, number, merged)
            parents = {number // FACTOR for number in parents}

    def _replace(self, id_: int, level: int, number: int, bucket: Bucket | None) -> None:
        if bucket is not None:
            self._connection.execute(_REPLACE, (id_, level, number, *bucket.values()))
            return
        self._connection.execute(
            "DELETE FROM rollup_buckets WHERE series_id = ? AND level = ? AND bucket = ?", (id_, level, number)
        )


def _aggregate(
    rows: Iterable[tuple[int, str, str, str, str, *tuple[float | None, ...]]],
    columns: int,
    found: dict[tuple[str, str, str, str], list[Bucket | None]],
) -> None:
    """Add rows, in the order of their insertion, to the buckets of their minutes."""
    for _, experiment, unit, channel, at, *values in rows:
        key = (experiment, unit, channel, at[:MINUTE_CHARACTERS])
        buckets = found.get(key)
        if buckets is None:
            found[key] = buckets = [None] * columns
        for place, value in enumerate(values):
            if value is not None:
                bucket = buckets[place]
                if bucket is None:
                    buckets[place] = Bucket(at, value)
                else:
                    bucket.add(at, value)


def _stored(series: dict[int, dict[int, Bucket]]) -> Iterator[tuple[ValueType, ...]]:
    """Yield the rows of `rollup_buckets` of all levels."""
    for id_, buckets in series.items():
        for level in range(LEVELS):
            for number, bucket in buckets.items():
                yield (id_, level, number, *bucket.values())
            buckets = coarser(buckets.items(), FACTOR)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
