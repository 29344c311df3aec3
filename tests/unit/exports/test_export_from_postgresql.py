"""Exports from PostgreSQL: byte for byte those from SQLite of the same rows, a few rows in memory at a time."""

import sqlite3
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.postgresql_server import PostgresServer
from tests.unit.exports.conftest import CREATED, at

from pioreactor import measurements
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.exc import InvalidRequestError, NotFoundError, StoppedError, StorageError
from pioreactor.exports import exporter
from pioreactor.exports.experiment_archive import write_experiment
from pioreactor.exports.known_datasets import built_in_datasets
from pioreactor.exports.request import ExportRequest
from pioreactor.measurements.spec import MeasurementSpec
from pioreactor.processes.system_command import run_system_command
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.dataset_rows import RowFilter, RowSource, open_dataset_rows
from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.storage.leader.location import DatabaseLocation, located
from pioreactor.storage.ports import Row, ValueType


def value_for(column: measurements.ColumnSpec, number: int) -> ValueType:
    if column.name in ("timestamp", "started_at", "ended_at"):
        return at(number // 3 / 7)
    if column.allowed:
        return column.allowed[number % len(column.allowed)]
    values: dict[str, ValueType] = {
        "text": f'{column.name} "{number % 2}"\n%',
        "integer": number,
        "real": number / 7,
        "blob": b'{"a":1}',
    }
    return values[column.kind]


def rows_of(spec: MeasurementSpec) -> Iterator[Row]:
    """Rows of equal moments, of two units, in a database that does not keep them in their order."""
    for number in (7, 3, 8, 1, 2, 0, 5, 6, 4):
        values = {column.name: value_for(column, number) for column in spec.table.columns}
        if number == 5:
            values |= {column.name: None for column in spec.table.columns if not column.required}
        unit = {"experiment": "growth 1", "pioreactor_unit": f"unit{number % 2}"}
        yield Row(spec.table.name, values | {name: unit[name] for name in unit if spec.table.has(name)})


def fill(location: DatabaseLocation) -> None:
    moments = iter([CREATED, CREATED + timedelta(hours=1)])
    database = LeaderDatabase.open(location, now=lambda: next(moments, CREATED))
    for experiment in ("growth 1", "other"):
        database.experiments.create(experiment)
    database.labels.set("growth 1", "unit1", "left")
    sink = open_record_sink(location)
    for spec in measurements.BUILT_IN:
        assert sink.commit(list(rows_of(spec))) == []
    sink.close()
    database.close()


@pytest.fixture
def leaders(tmp_path: Path, leader_url: str) -> tuple[Runtime, Runtime]:
    """A leader with SQLite and one with PostgreSQL, with the same rows."""
    found = []
    for name, config in (("file", ""), ("server", f"[storage]\ndatabase={leader_url}\n")):
        leader = build_simulation(data_root=tmp_path / name, config=config).units[0].runtime
        location = located(leader_url) if config else leader.paths.database
        leader.paths.database.parent.mkdir(parents=True, exist_ok=True)
        fill(location)
        found.append(leader)
    return found[0], found[1]


def members(leader: Runtime, request: ExportRequest) -> dict[str, bytes]:
    with zipfile.ZipFile(exporter.export(leader, request).path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_same_rows_give_the_same_bytes(leaders: tuple[Runtime, Runtime]) -> None:
    names = [dataset.dataset_name for dataset in built_in_datasets()]
    for file_format in ("csv", "parquet"):
        request = ExportRequest(datasets=names, experiment="growth 1", format=file_format)
        from_file, from_server = (members(leader, request) for leader in leaders)
        assert from_file == from_server
        assert len(from_file) > 2 * len(names)
    of_one: Any = {"units": ["unit1"], "start_time": CREATED + timedelta(hours=0.1), "partition_by_unit": True}
    request = ExportRequest(datasets=["od_readings", "logs"], experiment="growth 1", **of_one)
    from_file, from_server = (members(leader, request) for leader in leaders)
    assert from_file == from_server


def test_an_archived_experiment_is_the_same_from_both_and_is_read_back(
    leaders: tuple[Runtime, Runtime], postgresql_server: PostgresServer, leader_url: str, tmp_path: Path
) -> None:
    create = "CREATE TABLE ph (experiment TEXT, ph {real}, raw {blob}, n {integer})"
    row = "INSERT INTO ph VALUES ('growth 1', 7.5, '7', 3)"
    with closing(sqlite3.connect(leaders[0].paths.database)) as connection, connection:
        connection.execute(create.format(real="REAL", blob="BLOB", integer="INTEGER"))
        connection.execute(row.replace("'7'", "x'37'"))
    for sql in (create.format(real="double precision", blob="bytea", integer="bigint"), row):
        postgresql_server.execute(sql, leader_url.rpartition("/")[2])
    contents, dumps = [], []
    for number, leader in enumerate(leaders):
        archive = tmp_path / f"{number}.zip"
        assert write_experiment(leader, "growth 1", output=archive).rows > 100
        with zipfile.ZipFile(archive) as opened:
            contents.append({name: opened.read(name) for name in opened.namelist() if name.startswith("data/")})
            opened.extract("experiment.sqlite", tmp_path / str(number))
        with closing(sqlite3.connect(tmp_path / str(number) / "experiment.sqlite")) as connection:
            dumps.append([line for line in connection.iterdump() if line.startswith(("INSERT", "CREATE TABLE ph"))])
    assert contents[0] == contents[1]
    assert len(contents[0]) > 10
    assert dumps[0] == dumps[1]
    with pytest.raises(StoppedError):
        write_experiment(leaders[1], "growth 1", output=tmp_path / "x.zip", is_stopping=lambda: True)
    assert not (tmp_path / "x.zip").exists()


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def test_the_server_keeps_the_rows_that_are_not_asked_for_yet(leader_url: str) -> None:
    wide = RowSource(query="SELECT n, repeat('x', 1000) AS filling FROM generate_series(1, 60000) AS n")
    with open_dataset_rows(located(leader_url)) as stored:
        before = rss_mb()
        rows = stored.rows(wide, RowFilter(order_by=(("n", True),)))
        assert next(rows)[0] == 60_000
        assert rss_mb() - before < 20, "all of it is 60 MB"
        rows.close()  # type: ignore[attr-defined]  # a generator
        assert stored.count(wide, RowFilter()) == 60_000


def test_reading_the_server_does_without_sqlalchemy(leader_url: str) -> None:
    """It is 14 MB of the process that exports."""
    program = (
        "import sys\nfrom pioreactor.storage.leader.dataset_rows import open_dataset_rows\n"
        "from pioreactor.storage.leader.location import located\n"
        f"with open_dataset_rows(located({leader_url!r})) as stored: stored.tables()\n"
        "print('sqlalchemy' in sys.modules)"
    )
    assert run_system_command((sys.executable, "-c", program), timeout_s=60.0).strip() == "False"


def test_a_query_that_runs_is_ended_when_the_export_is_stopped(leader_url: str) -> None:
    with (
        pytest.raises(StoppedError),
        open_dataset_rows(located(leader_url), is_stopping=lambda: True) as stored,
    ):
        list(stored.rows(RowSource(query="SELECT pg_sleep(60)::text AS slept"), RowFilter()))


def test_queries_of_plugins_are_read_and_refused_with_a_reason(leader_url: str) -> None:
    with open_dataset_rows(located(leader_url)) as stored:
        query = "SELECT 'a?%' AS experiment, 5 % 3 AS remainder"
        assert list(stored.rows(RowSource(query=query), RowFilter(experiment="a?%"))) == [("a?%", 2)]
        with pytest.raises(NotFoundError):
            stored.columns(RowSource(table="nothing"))
    for wrong in ("SELECT julianday('now') AS day", "DELETE FROM experiments", "SELECT nextval('x') AS n"):
        with (
            pytest.raises(InvalidRequestError, match="does not understand"),
            open_dataset_rows(located(leader_url)) as stored,
        ):
            list(stored.rows(RowSource(query=wrong), RowFilter()))


def test_a_server_that_is_away_is_said_and_nothing_is_left(
    leaders: tuple[Runtime, Runtime], postgresql_server: PostgresServer, leader_url: str
) -> None:
    def end(_progress: object) -> None:
        name = leader_url.rpartition("/")[2]
        postgresql_server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    leader = leaders[1]
    request = ExportRequest(datasets=["logs", "od_readings"], experiment="growth 1")
    with pytest.raises(StorageError, match="cannot be read"):
        exporter.export(leader, request, report=end)
    assert not [file for file in leader.paths.exports.iterdir() if file.suffix in (".zip", ".tmp")]
