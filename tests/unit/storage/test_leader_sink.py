"""The sink of the leader's database: what only the file does."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pioreactor.exc import StorageError
from pioreactor.storage.leader import sink as sink_module
from pioreactor.storage.leader.sink import SqliteRecordSink
from pioreactor.storage.leader.tables import needed_columns
from pioreactor.storage.memory import MemoryRecordSink
from pioreactor.storage.ports import RecordSink, Row, ValueType
from pioreactor.testing.contracts.storage import RecordSinkContract, Stored

MOMENT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def look(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "storage" / "pioreactor.sqlite"


@pytest.fixture
def sink(path: Path) -> Iterator[SqliteRecordSink]:
    sink = SqliteRecordSink(path, now=lambda: MOMENT)
    yield sink
    sink.close()


class TestSqliteRecordSink(RecordSinkContract):
    @pytest.fixture
    def stored(self, path: Path) -> Stored:
        def of_table(table: str) -> list[dict[str, ValueType]]:
            with closing(sqlite3.connect(path)) as connection:
                connection.row_factory = sqlite3.Row
                return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")]

        return of_table


class TestMemoryRecordSink(RecordSinkContract):
    @pytest.fixture
    def sink(self) -> RecordSink:
        return MemoryRecordSink(needed_columns())

    @pytest.fixture
    def stored(self, sink: MemoryRecordSink) -> Stored:
        return lambda table: sink.rows.get(table, [])


def stream(table: str, second: int = 0, **values: ValueType) -> Row:
    key = {"experiment": "exp", "pioreactor_unit": "u1", "timestamp": f"2026-11-22T08:00:{second:02d}.000Z"}
    return Row(table, {**key, **values})


def test_every_quarantined_row_is_kept_with_its_reason(sink: SqliteRecordSink, path: Path) -> None:
    sink.commit([stream("od_readings", od_reading=1.0, angle=90, channel=7), Row("nothing", {"blob": b"\xff"})])
    rows = look(path, "SELECT received_at, pioreactor_unit, table_name, payload, reason FROM quarantined_rows")
    assert rows[0][:3] == ("2026-11-22T08:00:00.000Z", "u1", "od_readings")
    assert "CHECK" in str(rows[0][4])
    assert rows[1][1:] == (None, "nothing", '{"blob": {"base64": "/w=="}}', "there is no table nothing")


def test_a_value_of_no_type_of_sqlite_is_quarantined(sink: SqliteRecordSink, path: Path) -> None:
    odd = [stream("growth_rates", rate={"a": 1}), stream("growth_rates", rate=2**80)]  # type: ignore[arg-type]
    good = stream("growth_rates", rate=0.1)
    assert [row for row, _ in sink.commit([odd[0], good, odd[1]])] == odd
    assert look(path, "SELECT rate FROM growth_rates") == [(0.1,)]
    assert look(path, "SELECT COUNT(*) FROM quarantined_rows") == [(2,)]


def test_a_table_of_a_plugin_is_filled_too(sink: SqliteRecordSink, path: Path) -> None:
    refused = sink.commit([Row("bubbles", {"count": 1})])
    assert len(refused) == 1
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bubbles (count INTEGER)")
    assert sink.commit([Row("bubbles", {"count": 2})]) == []
    assert look(path, "SELECT * FROM bubbles") == [(2,)]


def test_a_locked_database_takes_nothing_and_says_so(sink: SqliteRecordSink, path: Path) -> None:
    sink._connection.execute("PRAGMA busy_timeout=0")
    row = stream("growth_rates", rate=0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            sink.commit([row], progress=("u1", "j", 1))
        other.execute("ROLLBACK")
    assert sink.commit([row], progress=("u1", "j", 1)) == []
    assert look(path, "SELECT COUNT(*) FROM growth_rates") == [(1,)]


def test_a_full_disk_takes_nothing_of_the_batch(sink: SqliteRecordSink, path: Path) -> None:
    pages = look(path, "PRAGMA page_count")[0][0]
    sink._connection.execute(f"PRAGMA max_page_count={pages}")
    rows = [stream("growth_rates", rate=float(n), second=n % 60) for n in range(5000)]
    with pytest.raises(StorageError, match="full"):
        sink.commit(rows, progress=("u1", "j", 5000))
    assert look(path, "SELECT COUNT(*) FROM growth_rates") == [(0,)]
    assert sink.progress("u1", "j") == 0
    sink._connection.execute("PRAGMA max_page_count=1000000")
    sink.commit(rows, progress=("u1", "j", 5000))
    assert look(path, "SELECT COUNT(*) FROM growth_rates") == [(5000,)]


def test_progress_survives_closing(path: Path) -> None:
    for expected in (0, 5):
        sink = SqliteRecordSink(path)
        assert sink.progress("u1", "j") == expected
        sink.commit([stream("growth_rates", rate=0.1)], progress=("u1", "j", 5))
        sink.close()
    assert look(path, "SELECT COUNT(*) FROM growth_rates") == [(1,)]


def test_the_activity_table_gathers_one_moment_in_one_row(sink: SqliteRecordSink, path: Path) -> None:
    sink.commit(
        [
            stream("od_readings", od_reading=1.0, angle=90, channel=1),
            stream("od_readings_filtered", normalized_od_reading=1.1),
            stream("od_readings_fused", od_reading=1.2),
            stream("growth_rates", rate=0.1),
            stream("temperature_readings", temperature_c=30.0),
            stream("stirring_rates", measured_rpm=500.0),
            stream("led_change_events", channel="A", intensity=5.0, source_of_event="t"),
            stream("led_change_events", channel="B", intensity=6.0, source_of_event="t"),
            stream("dosing_events", event="add_media", volume_change_ml=0.5, source_of_event="t"),
            stream("dosing_events", event="add_media", volume_change_ml=0.25, source_of_event="t"),
            stream("dosing_events", event="remove_waste", volume_change_ml=1.0, source_of_event="t"),
            stream("dosing_events", event="evaporation", volume_change_ml=9.0, source_of_event="t"),
        ]
    )
    assert look(path, "SELECT * FROM pioreactor_unit_activity_data") == [
        (
            "exp",
            "u1",
            "2026-11-22T08:00:00.000Z",
            1.0,
            1.2,
            1.1,
            30.0,
            0.1,
            500.0,
            5.0,
            6.0,
            None,
            None,
            0.75,
            1.0,
            None,
        )
    ]
    sink.commit([stream("dosing_events", 30, event="add_media", volume_change_ml=1.0, source_of_event="t")])
    sink.commit([stream("stirring_rates", 30, measured_rpm=600.0)])
    columns = "timestamp, avg_measured_rpm, sum_add_media_ml, avg_od_reading"
    rollup = look(path, f"SELECT {columns} FROM pioreactor_unit_activity_data_rollup")
    assert rollup == [("2026-11-22T08:00:00.000Z", 550.0, 1.75, 1.0)]


def test_two_equal_simulations_leave_equal_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "_COMMIT_EVERY", 250)
    dumps = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.sqlite"
        sink = SqliteRecordSink(path, now=lambda: MOMENT, mode="alone")
        for batch in range(30):
            rows = [stream("growth_rates", rate=n / 7 + batch, second=n % 60) for n in range(100)]
            sink.commit([*rows, Row("odd", {"a": batch})], progress=("u1", "j", batch + 1))
        sink.close()
        with closing(sqlite3.connect(path)) as connection:
            dumps.append("\n".join(connection.iterdump()))
    assert dumps[0] == dumps[1]
    assert dumps[0].count('INSERT INTO "growth_rates"') == 3_000


def test_alone_nothing_is_lost_by_a_refused_row_among_waiting_ones(tmp_path: Path) -> None:
    path = tmp_path / "alone.sqlite"
    sink = SqliteRecordSink(path, mode="alone")
    sink.commit([stream("growth_rates", rate=0.1)], progress=("u1", "j", 1))
    assert len(sink.commit([stream("growth_rates", rate=None)], progress=("u1", "j", 2))) == 1
    assert sink.commit([stream("growth_rates", rate=0.3)], progress=("u1", "j", 2)) == []
    sink.close()
    assert look(path, "SELECT rate FROM growth_rates") == [(0.1,)]


def test_a_message_that_could_not_be_read_is_quarantined_by_the_writer_itself(
    sink: SqliteRecordSink, path: Path
) -> None:
    message = {"received_at": "2026", "pioreactor_unit": "u1", "topic": "a/b", "payload": "{", "reason": "no JSON"}
    assert sink.commit([Row("quarantined_rows", {**message})]) == []
    assert look(path, "SELECT topic, table_name, reason FROM quarantined_rows") == [("a/b", None, "no JSON")]
