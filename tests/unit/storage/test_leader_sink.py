"""The sink of the leader's database: what only the file does."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pioreactor.exc import StorageError
from pioreactor.storage.leader.ingest import sqlite_sink as sink_module
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.leader.migrate import is_current
from pioreactor.storage.leader.schema import METADATA
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
        return MemoryRecordSink(
            {
                table.name: {c.name: not c.nullable and c.server_default is None for c in table.c}
                for table in METADATA.tables.values()
            }
        )

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


# ---- one bad row blocks no other, whatever is wrong with it ----------------------------------------------------------

ODD_ROWS: dict[str, tuple[str, Row]] = {
    "half of a character": ("", stream("logs", message="\ud800", source="x")),
    "a view": ("CREATE VIEW odd AS SELECT 1 AS a", Row("odd", {"a": 1})),
    "a trigger that fails": (
        "CREATE TABLE odd (a INTEGER); CREATE TRIGGER t AFTER INSERT ON odd BEGIN INSERT INTO nowhere VALUES (1); END",
        Row("odd", {"a": 1}),
    ),
    "a trigger that rolls back everything": (
        "CREATE TABLE odd (a INTEGER); CREATE TRIGGER t AFTER INSERT ON odd WHEN new.a > 0 BEGIN "
        "SELECT RAISE(ROLLBACK, 'no'); END",
        Row("odd", {"a": 1}),
    ),
    "a table of SQLite's own": ("", Row("sqlite_master", {"name": "x"})),
    "a name that is no text": ("CREATE TABLE odd (a INTEGER)", Row("odd", {3: 1})),  # type: ignore[dict-item]
    "a value that is no value": ("", stream("growth_rates", rate=object())),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", ODD_ROWS)
def test_what_one_row_is_refused_for_costs_no_other(sink: SqliteRecordSink, path: Path, case: str) -> None:
    made, odd = ODD_ROWS[case]
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(made)
    good = stream("growth_rates", rate=0.1)
    assert [row for row, _ in sink.commit([good, odd], progress=("u1", "j", 2))] == [odd]
    assert sink.progress("u1", "j") == 2
    assert look(path, "SELECT rate FROM growth_rates") == [(0.1,)]
    assert look(path, "SELECT COUNT(*) FROM quarantined_rows") == [(1,)]


def test_of_rows_that_roll_back_everything_only_those_are_refused(sink: SqliteRecordSink, path: Path) -> None:
    made, _ = ODD_ROWS["a trigger that rolls back everything"]
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(made)
    rows = [Row("odd", {"a": n % 3 - 1}) for n in range(30)]
    refused = sink.commit([stream("growth_rates", rate=0.1), *rows], progress=("u1", "j", 31))
    assert [row.values["a"] for row, _ in refused] == [1] * 10
    assert look(path, "SELECT COUNT(*), MAX(a) FROM odd") == [(20, 0)]
    assert look(path, "SELECT COUNT(*) FROM growth_rates") == [(1,)]
    results = sink.retry(range(1, 11), read_rate)
    assert {result.reason for result in results} == {"no"}
    assert look(path, "SELECT COUNT(*) FROM quarantined_rows") == [(10,)]


def test_a_column_may_have_the_name_of_a_word_of_sql(sink: SqliteRecordSink, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute('CREATE TABLE odd ("order" INTEGER)')
    assert sink.commit([Row("odd", {"order": 1})]) == []


def test_a_table_of_a_plugin_that_is_dropped_and_made_again(sink: SqliteRecordSink, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE odd (a INTEGER)")
        assert sink.commit([Row("odd", {"a": 1})]) == []
        connection.execute("DROP TABLE odd")
        [(_, reason)] = sink.commit([Row("odd", {"a": 2}), stream("growth_rates", rate=0.1)])
        assert reason == "no such table: odd"
        connection.execute("CREATE TABLE odd (a INTEGER, b INTEGER)")
        assert sink.commit([Row("odd", {"a": 3, "b": 4})]) == []
    assert look(path, "SELECT * FROM odd") == [(3, 4)]


def test_trouble_says_what_to_do(sink: SqliteRecordSink, path: Path) -> None:
    sink._connection.execute("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError) as locked:
            sink.commit([stream("growth_rates", rate=0.1)])
    assert "Another program holds the database" in str(locked.value.remedy)
    path.rename(path.with_name("away"))
    with pytest.raises(StorageError, match="was removed") as removed:
        sink.commit([stream("growth_rates", rate=0.1)])
    assert "pio backups restore" in str(removed.value.remedy)
    path.with_name("away").rename(path)
    assert sink.commit([stream("growth_rates", rate=0.1)]) == []


def test_a_locked_database_is_not_taken_for_an_empty_one(path: Path, sink: SqliteRecordSink) -> None:
    sink.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE held (a INTEGER)")
        with pytest.raises(StorageError, match="locked"):
            is_current(path, patience_s=0.01)


# ---- quarantine ----------------------------------------------------------------------------------------------------


def message(topic: str, payload: str, **values: ValueType) -> Row:
    kept = {"received_at": "2026", "recorded_at": "2025-01-01T00:00:00.000Z", "pioreactor_unit": "u1", "reason": "?"}
    return Row("quarantined_rows", {**kept, "topic": topic, "payload": payload, **values})


def read_rate(topic: str, payload: bytes, recorded_at: str) -> list[Row]:
    """A parser as `recording.rows_of` is one."""
    if topic != "rate":
        return []
    row = stream("growth_rates", rate=float(payload))
    return [Row(row.table, {**row.values, "timestamp": recorded_at})]


def test_what_can_be_stored_leaves_quarantine_with_its_own_moment(sink: SqliteRecordSink, path: Path) -> None:
    sink.commit([message("rate", "0.5"), message("rate", "a lot"), message("other", "1")])
    first, second, third = sink.retry([1, 2, 3], read_rate)
    assert (first.rows, first.reason) == (1, None)
    assert "could not convert" in str(second.reason)
    assert "is its plugin installed" in str(third.reason)
    assert look(path, "SELECT timestamp, rate FROM growth_rates") == [("2025-01-01T00:00:00.000Z", 0.5)]
    assert look(path, "SELECT rowid, reason FROM quarantined_rows") == [(2, second.reason), (3, third.reason)]
    assert sink.retry([1], read_rate) == [], "what is not there any more is not stored twice"


def test_a_refused_row_is_stored_once_its_table_takes_it(sink: SqliteRecordSink, path: Path) -> None:
    sink.commit([Row("bubbles", {"count": 3, "image": b"\xff", "note": None})])
    [before] = sink.retry([1], read_rate)
    assert before.reason == "there is no table bubbles"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bubbles (count INTEGER, image BLOB, note TEXT)")
    [after] = sink.retry([1], read_rate)
    assert (after.rows, after.reason) == (1, None)
    assert look(path, "SELECT * FROM bubbles") == [(3, b"\xff", None)]
    assert look(path, "SELECT COUNT(*) FROM quarantined_rows") == [(0,)]


def test_of_a_message_with_several_rows_all_are_stored_or_none(sink: SqliteRecordSink, path: Path) -> None:
    def read(_topic: str, _payload: bytes, _at: str) -> list[Row]:
        return [stream("growth_rates", rate=0.1), stream("growth_rates", rate=None)]

    sink.commit([message("rate", "x")])
    [result] = sink.retry([1], read)
    assert "NOT NULL" in str(result.reason)
    assert look(path, "SELECT COUNT(*) FROM growth_rates") == [(0,)]
    assert look(path, "SELECT COUNT(*) FROM quarantined_rows") == [(1,)], "and it is not put there a second time"


def test_a_message_of_before_moments_were_kept_is_not_given_a_wrong_one(sink: SqliteRecordSink) -> None:
    sink.commit([message("rate", "0.5", recorded_at=None)])
    [result] = sink.retry([1], read_rate)
    assert "moment" in str(result.reason)


def test_a_file_put_in_the_place_of_the_open_one_is_followed(sink: SqliteRecordSink, path: Path) -> None:
    """Otherwise rows would go into a file without a name, and be acknowledged."""
    sink.commit([stream("growth_rates", rate=0.1)], progress=("u1", "j", 1))
    other = path.with_name("other.sqlite")
    SqliteRecordSink(other).close()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    other.replace(path)
    assert sink.progress("u1", "j") == 0, "so the unit is asked for what the new one lacks"
    sink.commit([stream("growth_rates", rate=0.2)], progress=("u1", "j", 1))
    assert look(path, "SELECT rate FROM growth_rates") == [(0.2,)]
