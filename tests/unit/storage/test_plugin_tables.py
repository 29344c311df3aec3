"""Tables of the measurements that plugins register."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.measurements.ph import registered

from pioreactor import measurements
from pioreactor.background_jobs.leader.topic_parsers import rows_of
from pioreactor.measurements.registry import RESERVED_TABLES
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.leader.schema import METADATA

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PAYLOAD = ("pioreactor/unit1/exp1/ph_reading/ph", b"6.98765", "2026-11-22T07:59:00.000Z")


@pytest.fixture
def ph() -> Iterator[None]:
    with registered():
        yield


@pytest.fixture
def database(tmp_path: Path) -> Iterator[LeaderDatabase]:
    database = LeaderDatabase.open(tmp_path / "pioreactor.sqlite", now=lambda: NOW)
    yield database
    database.close()


def _columns(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM pragma_table_info('ph_readings')")]


@pytest.mark.usefixtures("ph")
def test_the_writer_creates_the_table_and_its_rows_are_served_and_deleted(database: LeaderDatabase) -> None:
    assert database.time_series.known("ph_readings", "exp1").series == []
    sink = SqliteRecordSink(database.path)
    assert sink.commit(rows_of(*PAYLOAD)) == []
    sink.close()
    found = database.time_series.known("ph_readings", "exp1")
    assert (found.series, [[point.y for point in points] for points in found.data]) == (["unit1"], [[6.99]])
    database.experiments.create("exp1")
    database.experiments.delete("exp1")
    assert database.time_series.known("ph_readings", "exp1").series == []


@pytest.mark.usefixtures("ph")
def test_a_table_that_exists_is_not_altered_and_rows_that_do_not_fit_go_into_quarantine(
    database: LeaderDatabase,
) -> None:
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("CREATE TABLE ph_readings (acidity REAL)")
    sink = SqliteRecordSink(database.path)
    [(_, reason)] = sink.commit(rows_of(*PAYLOAD))
    sink.close()
    assert "ph_readings has no column" in reason
    assert _columns(database.path) == ["acidity"]


def test_no_table_is_created_without_a_declaration(database: LeaderDatabase) -> None:
    SqliteRecordSink(database.path).close()
    assert _columns(database.path) == []


def test_measurements_may_not_take_the_name_of_any_other_table() -> None:
    measured = {spec.table.name for spec in measurements.BUILT_IN}
    assert set(METADATA.tables) - measured <= RESERVED_TABLES
