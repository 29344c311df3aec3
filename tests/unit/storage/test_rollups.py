"""Roll-ups: what a chart gets from them is what the rows say, whatever happened to the rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.dataset_rows import open_dataset_rows
from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.leader.location import located
from pioreactor.storage.leader.repositories.time_series import Between
from pioreactor.storage.leader.rollups.differences import differences, repair_rollups, verify_rollups
from pioreactor.storage.leader.rollups.rolled_tables import rolled_tables
from pioreactor.storage.ports import Row
from pioreactor.structs.encoding import to_timestamp

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
_experiments = count()


@pytest.fixture(scope="module")
def leader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LeaderDatabase, SqliteRecordSink]]:
    path = tmp_path_factory.mktemp("rollups") / "pioreactor.sqlite"
    database, sink = LeaderDatabase.open(path, now=lambda: START), SqliteRecordSink(path)
    yield database, sink
    sink.close()
    database.close()


def od(experiment: str, second: float, value: float, channel: int = 1) -> Row:
    at = to_timestamp(START + timedelta(seconds=second))
    key = {"experiment": experiment, "pioreactor_unit": "u", "timestamp": at}
    return Row("od_readings", {**key, "od_reading": value, "angle": 90, "channel": channel})


def change(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql, values)
        connection.commit()


def wrong(path: Path) -> list[str]:
    """Return the buckets that differ from the rows, once nothing waits."""
    with open_dataset_rows(path) as rows:
        return [line for rolled in rolled_tables().values() for line in differences(rows, rolled)]


def complete(sink: SqliteRecordSink) -> None:
    while sink.roll_up():
        pass


seconds = st.one_of(st.integers(0, 400), st.integers(0, 200_000), st.integers(0, 40_000_000))
value = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
batches = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.tuples(seconds, value), min_size=1, max_size=40)),
        st.tuples(st.sampled_from(["roll up", "delete", "change"]), seconds),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, deadline=None)
@given(steps=batches, ends=st.tuples(seconds, seconds), target_points=st.integers(1, 40))
def test_roll_ups_say_what_the_rows_say(
    leader: tuple[LeaderDatabase, SqliteRecordSink],
    steps: list[tuple[str, object]],
    ends: tuple[int, int],
    target_points: int,
) -> None:
    """Late rows, deletions and changes in any order, and any stretch of the result."""
    database, sink = leader
    experiment = f"e{next(_experiments)}"
    for step, given_ in steps:
        if isinstance(given_, list):
            assert sink.commit([od(experiment, second, number) for second, number in given_]) == []
        elif step == "roll up":
            sink.roll_up()
        else:
            edit = "DELETE FROM od_readings" if step == "delete" else "UPDATE od_readings SET od_reading = 7"
            at = to_timestamp(START + timedelta(seconds=float(str(given_))))
            change(database.path, f"{edit} WHERE experiment = ? AND timestamp <= ?", experiment, at)
    between = Between(*(START + timedelta(seconds=second) for second in sorted(ends)))
    with closing(sqlite3.connect(database.path)) as connection:
        rows = connection.execute(
            "SELECT timestamp, od_reading FROM od_readings WHERE experiment = ? AND timestamp BETWEEN ? AND ?",
            (experiment, *between.texts()),
        ).fetchall()
    found = database.time_series.known("od_readings", experiment, between=between, target_points=target_points)
    points = [(point.x, point.y) for points in found.data for point in points]
    assert points == sorted(points, key=lambda point: point[0])
    assert set(points) <= set(rows)
    assert len(points) <= target_points
    assert bool(points) is bool(rows)
    if target_points > 2 and rows:
        assert min(number for _, number in points) == min(number for _, number in rows)
        assert max(number for _, number in points) == max(number for _, number in rows)
    if points:
        assert points[-1][0] == max(at for at, _ in rows)
    complete(sink)
    assert wrong(database.path) == []


def test_a_long_history_is_read_from_few_buckets_and_stays_exact(
    leader: tuple[LeaderDatabase, SqliteRecordSink], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One spike among 6,000 minutes, and a clock that is a year off in one row: neither hides the rest."""
    database, sink = leader
    numbers = [0.5 + (n % 7) / 100 for n in range(6000)]
    numbers[4321] = 99.0
    sink.commit([od("long", 60.0 * n, number) for n, number in enumerate(numbers)])
    sink.commit([od("long", 365 * 86_400.0, 1.0)])
    complete(sink)
    monkeypatch.setattr("pioreactor.storage.leader.repositories.time_series.between_edges", None)
    [points] = database.time_series.known("od_readings", "long", lookback_hours=1e9, target_points=400).data
    assert max(point.y for point in points) == 99.0
    assert points[-1].x == to_timestamp(START + timedelta(days=365))
    assert 200 <= len(points) <= 400


def test_what_takes_its_experiment_away_takes_its_buckets(leader: tuple[LeaderDatabase, SqliteRecordSink]) -> None:
    database, sink = leader
    for name in ("gone", "old name"):
        database.experiments.create(name)
        sink.commit([od(name, 60.0 * n, n, channel=1 + n % 2) for n in range(300)])
    complete(sink)
    database.experiments.delete("gone")
    database.experiments.rename("old name", "new name")
    complete(sink)
    assert wrong(database.path) == []
    with closing(sqlite3.connect(database.path)) as connection:
        left = connection.execute("SELECT DISTINCT experiment FROM rollup_series").fetchall()
        orphans = connection.execute(
            "SELECT count(*) FROM rollup_buckets WHERE series_id NOT IN (SELECT id FROM rollup_series)"
        ).fetchone()
    assert {"gone", "old name"}.isdisjoint(name for (name,) in left)
    assert orphans == (0,)
    shown = database.time_series.known("od_readings", "new name", lookback_hours=1e9, target_points=60)
    assert shown.series == ["u-1", "u-2"]


def test_rows_that_are_numbered_anew_are_rolled_up_anew(leader: tuple[LeaderDatabase, SqliteRecordSink]) -> None:
    database, sink = leader
    sink.commit([od("numbers", 60.0 * n, n) for n in range(100)])
    complete(sink)
    change(database.path, "DELETE FROM od_readings WHERE experiment = 'numbers' AND od_reading < 50")
    change(database.path, "UPDATE rollup_progress SET through = through + 1000")
    [points] = database.time_series.known("od_readings", "numbers", lookback_hours=1e9, target_points=20).data
    assert (points[0].y, points[-1].y) == (50, 99)
    complete(sink)
    assert wrong(database.path) == []


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_what_differs_from_the_rows_is_named_and_made_anew(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    location = located(tmp_path / "leader.sqlite" if engine == "sqlite" else request.getfixturevalue("leader_url"))
    sink = open_record_sink(location)
    sink.commit([od("e", 60.0 * n, n, channel=1 + n % 2) for n in range(300)])
    while sink.roll_up():
        pass
    assert {(one.differing, one.waiting) for one in verify_rollups(location)} == {(0, 0)}
    database = LeaderDatabase.open(location, now=lambda: START)
    with database.access.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE rollup_buckets SET max = 1e6 WHERE level = 0 AND bucket / 100 * 100 = bucket"
        )
        connection.exec_driver_sql("DELETE FROM rollup_buckets WHERE level = 3")
    [wrong] = [one for one in verify_rollups(location) if one.differing]
    assert (wrong.table, wrong.differing, len(wrong.examples)) == ("od_readings", 5, 5)
    repair_rollups(location, [wrong.table])
    assert {one.differing for one in verify_rollups(location)} == {0}
    with database.access.writing() as connection:
        connection.exec_driver_sql("DELETE FROM od_readings WHERE channel = 1")
    assert [one.waiting for one in verify_rollups(location) if one.table == "od_readings"] == [150]
    sink.close()
    database.close()
