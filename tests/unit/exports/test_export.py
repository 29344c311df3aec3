"""Archives of recorded data: what is in them, and that there is never half of one."""

import csv
import io
import json
import os
import shutil
import sqlite3
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.exports.conftest import CREATED, at, disk_with_room_for, od, put

from pioreactor import measurements
from pioreactor.exc import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PioreactorError,
    StoppedError,
    StorageError,
)
from pioreactor.exports import exporter
from pioreactor.exports.archive import Progress
from pioreactor.exports.known_datasets import built_in_datasets
from pioreactor.exports.request import ExportRequest
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader import dataset_rows

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def in_calcutta(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run where the offset from UTC is not a whole number of hours."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def exported(leader: Runtime, *datasets: str, experiment: str = "growth 1", **more: Any) -> dict[str, bytes]:
    request = ExportRequest(datasets=list(datasets), experiment=experiment, **more)
    with zipfile.ZipFile(exporter.export(leader, request).path) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


def table(files: dict[str, bytes], part: str) -> list[dict[str, str]]:
    [name] = [name for name in files if part in name and name.endswith(".csv")]
    return list(csv.DictReader(io.StringIO(files[name].decode())))


def nothing_unfinished(leader: Runtime) -> bool:
    return not [file for file in leader.paths.exports.iterdir() if file.suffix in (".zip", ".tmp")]


def test_rows_of_one_experiment_in_order_with_local_time_and_hours(leader: Runtime) -> None:
    files = exported(leader, "od_readings")
    [name] = [name for name in files if name.endswith(".csv")]
    assert name.startswith("od_readings/od_readings-growth_1-all_units-")
    rows = table(files, "od_readings")
    assert list(rows[0]) == [
        *("experiment", "pioreactor_unit", "timestamp", "timestamp_localtime", "hours_since_experiment_created"),
        *("od_reading", "angle", "channel"),
    ]
    assert [row["timestamp"] for row in rows] == sorted(row["timestamp"] for row in rows)
    assert [row["hours_since_experiment_created"] for row in rows] == ["0.5", "0.5", "1.0", "1.0", "2.0", "2.0"]
    assert rows[0]["timestamp"] == "2026-03-01T12:30:00.000Z"
    assert rows[0]["timestamp_localtime"] == "2026-03-01 18:00:00.000"
    assert rows[-1]["od_reading"] == "0.666666666667", "rounded to twelve digits"


def test_manifest_and_schema_tell_what_is_in_it(leader: Runtime) -> None:
    files = exported(leader, "od_readings", "experiments", partition_by_unit=True)
    manifest = json.loads(files["manifest.json"])
    assert manifest["schema_version"] == 1
    assert manifest["filters"]["experiment"] == "growth 1"
    assert manifest["selected_datasets"] == ["od_readings", "experiments"]
    counted = {file["path"]: file["row_count"] for dataset in manifest["datasets"] for file in dataset["files"]}
    assert set(counted) == {name for name in files if name.endswith(".csv")}
    assert list(counted.values()) == [3, 3, 2]
    schema = json.loads(files["od_readings/schema.json"])
    units = {column["name"]: column["unit"] for column in schema["columns"]}
    assert units["od_reading"] == "OD"
    assert units["hours_since_experiment_created"] == "h"
    assert [column["name"] for column in schema["columns"]] == list(table(files, "unit1")[0])


def test_a_time_range_and_units_are_inclusive(leader: Runtime) -> None:
    between: dict[str, Any] = {"start_time": CREATED + timedelta(hours=0.5), "end_time": CREATED + timedelta(hours=1)}
    rows = table(exported(leader, "od_readings", units=["unit2"], **between), "od_readings")
    assert [(row["pioreactor_unit"], row["timestamp"]) for row in rows] == [("unit2", at(0.5)), ("unit2", at(1.0))]


def test_automation_settings_are_readable(leader: Runtime) -> None:
    [row] = table(exported(leader, "dosing_automation_settings"), "dosing_automation_settings")
    assert row["json_settings"] == '{"volume":1}'
    assert row["started_at_localtime"] == "2026-03-01 17:45:00.000"
    assert (row["ended_at"], row["ended_at_localtime"]) == ("", "")
    assert row["hours_since_experiment_created"] == "0.25"
    assert list(row)[4:7] == ["ended_at", "ended_at_localtime", "hours_since_experiment_created"]


def test_every_dataset_of_the_reference_can_be_exported(leader: Runtime) -> None:
    kinds = ("dosing", "led", "temperature")
    names = {
        *("pioreactor_unit_activity_data", "pioreactor_unit_activity_data_rollup", "logs", "od_readings"),
        *("od_readings_filtered", "growth_rates", "liquid_volumes", "experiments", "dosing_events"),
        *("led_change_events", "temperature_readings", "stirring_rates", "ir_led_intensities", "pwm_dcs"),
        *("pioreactor_unit_labels", "calibrations", "raw_od_readings", "od_readings_fused", "alt_media_fractions"),
        *(f"{kind}_automation_{what}" for kind in kinds for what in ("settings", "events")),
    }
    known = [dataset.dataset_name for dataset in built_in_datasets()]
    assert names <= set(known)
    assert {spec.export.name for spec in measurements.BUILT_IN if spec.export is not None} <= set(known)
    files = exported(leader, *known)
    assert {name.split("/")[0] for name in files if name.endswith("schema.json")} == set(known)


def test_a_dataset_of_a_plugin_is_one_yaml_file(leader: Runtime) -> None:
    folder = leader.paths.plugins / "exportable_datasets"
    folder.mkdir(parents=True)
    (folder / "peaks.yaml").write_text(
        "dataset_name: peaks\ndescription: Highest reading.\ndisplay_name: Peaks\nhas_experiment: true\n"
        "has_unit: true\ndefault_order_by: peak DESC\nsource: my_plugin\n"
        "query: SELECT experiment, pioreactor_unit, max(od_reading) AS peak FROM od_readings GROUP BY 1, 2\n"
        "column_units: {peak: OD}\n"
    )
    (folder / "broken.yaml").write_text("dataset_name: ../x\n")
    files = exported(leader, "peaks")
    assert [(row["pioreactor_unit"], row["peak"]) for row in table(files, "peaks")] == [
        ("unit1", "0.666666666667"),
        ("unit2", "0.666666666667"),
    ]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"datasets": []}, InvalidRequestError),
        ({"datasets": ["nothing"]}, NotFoundError),
        ({"experiment": "unknown"}, NotFoundError),
        ({"experiment": " "}, InvalidRequestError),
        ({"units": []}, InvalidRequestError),
        ({"start_time": CREATED.replace(tzinfo=None)}, InvalidRequestError),
        ({"start_time": CREATED, "end_time": CREATED - timedelta(seconds=1)}, InvalidRequestError),
    ],
)
def test_an_invalid_request_is_refused(leader: Runtime, change: dict[str, Any], kind: type[PioreactorError]) -> None:
    with pytest.raises(kind):
        exporter.export(leader, ExportRequest(**{"datasets": ["od_readings"], "experiment": "growth 1", **change}))


@pytest.mark.parametrize("experiment", ["..", "a b", "été", "x:y*?", "-"])
def test_names_of_experiments_are_safe_names_of_files(leader: Runtime, experiment: str) -> None:
    with closing(sqlite3.connect(leader.paths.database)) as connection, connection:
        connection.execute("INSERT INTO experiments (experiment, created_at) VALUES (?, ?)", (experiment, at(0)))
    request = ExportRequest(datasets=["od_readings"], experiment=experiment)
    made = Path(exporter.export(leader, request).path)
    assert made.parent == leader.paths.exports
    with zipfile.ZipFile(made) as found:
        assert all(".." not in name.split("/") and not name.startswith("/") for name in found.namelist())


def test_a_full_disk_is_said_before_anything_is_written(leader: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(StorageError, match=r"1 MB are free"):
        exported(leader, "od_readings")
    assert nothing_unfinished(leader)


def test_a_stopped_export_leaves_nothing(leader: Runtime) -> None:
    request = ExportRequest(datasets=["od_readings"], experiment="growth 1")
    with pytest.raises(StoppedError):
        exporter.export(leader, request, is_stopping=lambda: True)
    assert nothing_unfinished(leader)


def test_a_database_that_fails_in_between_leaves_nothing(leader: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> Iterator[object]:
        raise OSError("no space left on device")
        yield

    monkeypatch.setattr(dataset_rows.DatasetRows, "rows", failing)
    with pytest.raises(StorageError, match="no space left"):
        exported(leader, "od_readings")
    assert nothing_unfinished(leader)


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
@pytest.mark.parametrize("room", [0, 300])
def test_a_disk_that_fills_during_an_export_leaves_nothing_and_the_next_is_whole(
    leader: Runtime, file_format: Any, room: int
) -> None:
    if file_format == "parquet":
        pytest.importorskip("arro3.io")
    with disk_with_room_for(room), pytest.raises(StorageError):
        exported(leader, "od_readings", format=file_format)
    assert nothing_unfinished(leader)
    assert exported(leader, "od_readings", format=file_format)["manifest.json"]


def test_one_export_at_a_time(leader: Runtime) -> None:
    request = ExportRequest(datasets=["od_readings"], experiment="growth 1")

    def again(_progress: Progress) -> None:
        with pytest.raises(ConflictError, match="another export"):
            exporter.export(leader, request)

    seen: list[Progress] = []

    def report(progress: Progress) -> None:
        again(progress)
        seen.append(progress)

    exporter.export(leader, request, report=report)
    assert seen
    assert seen[0].total_rows == 6


def test_an_export_sees_one_moment(leader: Runtime) -> None:
    """Rows that arrive while it is written are in none of its files."""

    def arrive(_progress: Progress) -> None:
        put(leader.paths.database, od("unit9", 3.0, 1.0))

    request = ExportRequest(datasets=["experiments", "od_readings"], experiment="growth 1", partition_by_unit=True)
    made = exporter.export(leader, request, report=arrive)
    with zipfile.ZipFile(made.path) as found:
        assert not [name for name in found.namelist() if "unit9" in name]


def test_old_archives_are_deleted_but_nothing_else(leader: Runtime) -> None:
    leader.paths.exports.mkdir(parents=True)
    old, recent, other = (
        leader.paths.exports / name
        for name in ("export_a_20250101000000.zip", "export_b_20260301000000.zip", "thesis.zip")
    )
    for file in (old, recent, other):
        file.write_bytes(b"")
    past = leader.clock.now().timestamp() - 40 * 86400
    for file in (old, other):
        os.utime(file, (past, past))
    os.utime(recent, (past + 39 * 86400, past + 39 * 86400))
    exported(leader, "od_readings")
    assert [file.exists() for file in (old, recent, other)] == [False, True, True]


def test_values_of_another_type_than_declared_are_exported_too(leader: Runtime) -> None:
    with sqlite3.connect(leader.paths.database) as connection:
        connection.execute("UPDATE od_readings SET od_reading = 'n/a', timestamp = 'yesterday' WHERE rowid = 1")
    for file_format in ("csv", "parquet"):
        files = exported(leader, "od_readings", format=file_format)
        assert len(files) == 3
    rows = table(exported(leader, "od_readings"), "od_readings")
    [odd] = [row for row in rows if row["timestamp"] == "yesterday"]
    assert (odd["od_reading"], odd["timestamp_localtime"], odd["hours_since_experiment_created"]) == ("n/a", "", "")


def test_parquet_has_the_rows_of_the_csv(leader: Runtime) -> None:
    from arro3.io import read_parquet

    files = exported(leader, "od_readings", format="parquet")
    [name] = [name for name in files if name.endswith(".parquet")]
    read = read_parquet(io.BytesIO(files[name])).read_all()
    columns = {field.name: read[field.name].to_pylist() for field in map(read.schema.field, read.schema.names)}
    rows = table(exported(leader, "od_readings"), "od_readings")
    assert {name: [str(value) for value in values] for name, values in columns.items()} == {
        name: [row[name] for row in rows] for name in rows[0]
    }
    assert read.schema.field("od_reading").metadata_str["unit"] == "OD"


def test_without_the_package_for_parquet_the_command_that_installs_it_is_said(
    leader: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "arro3.io", None)
    with pytest.raises(InvalidRequestError) as refused:
        exported(leader, "od_readings", format="parquet")
    command = f"{sys.prefix}/bin/python -m pip install arro3-core arro3-io"
    assert command in str(refused.value.remedy)
    assert Path(sys.prefix, "bin", "python").exists()
    assert nothing_unfinished(leader)
