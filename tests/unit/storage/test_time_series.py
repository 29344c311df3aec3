"""Time series: what is read, and that thinning shows every spike."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor import measurements
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.leader.repositories import time_series
from pioreactor.storage.leader.repositories.time_series import MAX_POINTS, Between
from pioreactor.storage.leader.rollups.pixels import between_edges, drawn, pixels_for
from pioreactor.storage.ports import Row, ValueType
from pioreactor.structs.encoding import to_timestamp

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[LeaderDatabase]:
    database = LeaderDatabase.open(tmp_path / "pioreactor.sqlite", now=lambda: NOW)
    yield database
    database.close()


def put(database: LeaderDatabase, *rows: Row) -> None:
    sink = SqliteRecordSink(database.path)
    assert sink.commit(rows) == []
    sink.close()


def rate(seconds_ago: float, value: float, unit: str = "w1", experiment: str = "e") -> Row:
    at = to_timestamp(NOW - timedelta(seconds=seconds_ago))
    return Row("growth_rates", {"experiment": experiment, "pioreactor_unit": unit, "timestamp": at, "rate": value})


def od(table: str, unit: str, channel: int, value: float) -> Row:
    angle: dict[str, ValueType] = {"angle": 90} if table == "od_readings" else {}
    at = to_timestamp(NOW - timedelta(seconds=channel))
    key: dict[str, ValueType] = {"experiment": "e", "pioreactor_unit": unit, "timestamp": at}
    key |= {"channel": channel, "od_reading": value}
    return Row(table, {**key, **angle})


def test_one_series_per_unit_rounded_and_in_order(database: LeaderDatabase) -> None:
    put(database, rate(10, 0.1234567), rate(5, 0.2, "w2"), rate(20, 0.3), rate(1, 9.0, experiment="other"))
    found = database.time_series.known("growth_rates", "e")
    assert found.series == ["w1", "w2"]
    assert [[point.y for point in points] for points in found.data] == [[0.3, 0.12346], [0.2]]
    assert found.data[1][0].x == "2026-11-22T07:59:55.000Z"
    only = database.time_series.known("growth_rates", "e", unit="w2")
    assert (only.series, only.data) == (["w2"], [found.data[1]])
    assert database.time_series.known("growth_rates", "nothing").series == []


@pytest.mark.parametrize("table", ["od_readings", "raw_od_readings"])
def test_optical_density_has_one_series_per_channel(database: LeaderDatabase, table: str) -> None:
    put(database, *(od(table, unit, channel, channel / 7) for unit in ("w2", "w1") for channel in (1, 4)))
    found = database.time_series.known(table, "e")
    assert found.series == ["w1-1", "w1-4", "w2-1", "w2-4"]
    assert [points[0].y for points in found.data] == [0.1428571, 0.5714286] * 2


@pytest.mark.parametrize("table", measurements.series_specs())
def test_every_known_series_can_be_read_when_there_is_nothing(database: LeaderDatabase, table: str) -> None:
    assert database.time_series.known(table, "e").data == []


def test_looking_back_is_in_hours(database: LeaderDatabase) -> None:
    put(database, rate(3600 * 5, 1.0), rate(3600 * 3, 2.0), rate(60, 3.0))

    def values(hours: float) -> list[float]:
        found = database.time_series.known("growth_rates", "e", lookback_hours=hours)
        return [point.y for points in found.data for point in points]

    assert values(4.0) == [2.0, 3.0]
    assert values(0.5) == [3.0]
    assert values(1e9) == values(float("inf")) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"target_points": 0}, {"target_points": 10_000_000}, {"target_points": MAX_POINTS + 1}),
        *({"lookback_hours": 0.0}, {"lookback_hours": float("nan")}),
    ],
)
def test_what_cannot_be_meant_is_refused(database: LeaderDatabase, wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidRequestError):
        database.time_series.known("growth_rates", "e", **wrong)  # type: ignore[arg-type]


def test_a_long_series_is_thinned_and_keeps_a_single_spike(database: LeaderDatabase) -> None:
    rows = [rate(10_000 - n, 0.5) for n in range(10_000)]
    rows[4321] = rate(10_000 - 4321, 99.0)
    rows[8765] = rate(10_000 - 8765, -99.0)
    put(database, *rows)
    (points,) = database.time_series.known("growth_rates", "e", target_points=100).data
    assert len(points) <= 100
    assert [point.y for point in points if point.y != 0.5] == [99.0, -99.0]
    assert points[0].x == to_timestamp(NOW - timedelta(seconds=10_000))
    assert points[-1].x == to_timestamp(NOW - timedelta(seconds=1))


def test_ten_years_at_one_pixel_are_one_point(database: LeaderDatabase) -> None:
    put(database, *(rate(3600 * 24 * 365 * year + n, float(n)) for year in range(10) for n in range(1, 50)))
    between = Between(NOW - timedelta(days=3650), NOW)
    for reader in (database.time_series.known, partial(database.time_series.of_column, column="rate")):
        [points] = reader(table="growth_rates", experiment="e", between=between, target_points=1).data
        assert [point.y for point in points] == [1.0], "the newest row"


def test_many_units_share_what_a_chart_can_show(database: LeaderDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_series, "MAX_POINTS", 200)
    put(database, *(rate(n, float(n == 77), unit=f"w{unit}") for unit in range(10) for n in range(1, 200)))
    found = database.time_series.known("growth_rates", "e", target_points=199)
    assert sum(map(len, found.data)) <= 200
    assert all(max(point.y for point in points) == 1.0 for points in found.data), "each keeps its spike"
    assert len(database.time_series.known("growth_rates", "e", unit="w1", target_points=199).data[0]) == 199


def test_a_stretch_of_the_past_is_read_in_all_its_detail(database: LeaderDatabase) -> None:
    put(database, *(rate(10_000 - n, float(n % 7)) for n in range(10_000)))
    between = Between(NOW - timedelta(seconds=9_000), NOW - timedelta(seconds=8_901))
    (points,) = database.time_series.known("growth_rates", "e", between=between, target_points=100).data
    assert len(points) == 100, "every row, although it is further back than the hours that are looked back by default"
    assert (points[0].x, points[-1].x) == between.texts()
    assert database.time_series.of_column("growth_rates", "rate", "e", between=between).data == [points]
    open_end = Between(start=NOW - timedelta(seconds=50))
    assert len(database.time_series.known("growth_rates", "e", between=open_end).data[0]) == 50
    with pytest.raises(InvalidRequestError, match="end_time is before start_time"):
        database.time_series.known("growth_rates", "e", between=Between(NOW, NOW - timedelta(seconds=1)))


def test_any_column_of_measurements_can_be_read(database: LeaderDatabase) -> None:
    at = to_timestamp(NOW - timedelta(days=30))
    key = {"experiment": "e", "pioreactor_unit": "w1", "timestamp": at}
    put(database, Row("pwm_dcs", {**key, "channel_1": 12.5}), Row("pwm_dcs", {**key, "channel_2": 1.0}))
    (points,) = database.time_series.of_column("pwm_dcs", "channel_1", "e").data
    assert [point.y for point in points] == [12.5]
    assert database.time_series.of_column("pwm_dcs", "channel_1", "e", lookback_hours=1.0).series == []


@pytest.mark.parametrize(
    ("table", "column"),
    [("people", "password_hash"), ("nothing", "x"), ("growth_rates", "x"), ("experiments", "created_at")],
)
def test_what_is_no_measurement_cannot_be_read(database: LeaderDatabase, table: str, column: str) -> None:
    with pytest.raises(NotFoundError):
        database.time_series.of_column(table, column, "e")


@pytest.mark.parametrize("table", ["sqlite_master", "a b", "logs;--", ""])
def test_what_is_no_name_is_refused(database: LeaderDatabase, table: str) -> None:
    with pytest.raises(InvalidRequestError):
        database.time_series.of_column(table, "x", "e")


def test_words_in_a_column_of_numbers_are_left_out(database: LeaderDatabase) -> None:
    put(database, rate(3, 1.0), rate(2, "much"), rate(1, 2.0))  # type: ignore[arg-type]
    (points,) = database.time_series.known("growth_rates", "e").data
    assert [point.y for point in points] == [1.0, 2.0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(1, 60))
def test_thinning_keeps_extremes_order_and_the_last(values: list[float], target_points: int) -> None:
    samples = [(f"{n:05d}", value) for n, value in enumerate(values)]
    pixels = pixels_for(target_points)
    edges = [f"{len(values) * n // pixels:05d}" for n in range(1, pixels)]
    kept = drawn(between_edges(samples, edges), target_points)
    assert kept[-1] == samples[-1]
    assert kept == sorted(set(kept))
    assert set(kept) <= set(samples)
    assert len(kept) <= max(target_points, 1)
    if target_points > 2:
        assert min(value for _, value in kept) == min(values)
        assert max(value for _, value in kept) == max(values)
