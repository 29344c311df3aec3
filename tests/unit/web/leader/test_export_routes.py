"""Recorded data as files over HTTP: shapes, archives from a process of its own, progress, stop and refusals."""

import csv
import io
import sys
import zipfile
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from tests.unit.exports.conftest import CREATED, at, od, put
from tests.unit.web.conftest import ON_BOTH_DATABASES

from pioreactor.processes.launch import pio_argv
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.location import DatabaseLocation
from pioreactor.web.leader.export_runner import ExportRunner, arguments_of

BODY = {"datasets": ["od_readings"], "experiment": "growth 1"}
URL = "/api/datasets/exportable"
SLOW = """
import sys, time
print('{"dataset":"od_readings","rows":5,"total_rows":10}', flush=True)
time.sleep(60)
"""


def fill(location: DatabaseLocation) -> None:
    database = LeaderDatabase.open(location, now=lambda: CREATED)
    database.experiments.create("growth 1")
    database.close()
    put(location, *(od(unit, hours, hours) for hours in (1.0, 2.0) for unit in ("unit1", "unit2")))


@pytest.fixture
def recorded(leader: Any) -> Any:
    fill(leader.services.database.location)
    paths, location = leader.services.unit.paths, leader.services.database.location
    # The process that exports finds the database by the configuration.
    paths.local_config.write_text(f"[storage]\ndatabase={location}\n")
    return leader


def runs(leader: Any, *command: str) -> None:
    """Let exports be run by this command."""
    paths = leader.services.unit.paths
    environment = {
        "HOSTNAME": "leader1",
        "DOT_PIOREACTOR": str(paths.dot_pioreactor),
        "RUN_PIOREACTOR": str(paths.run_pioreactor),
        "PYTHONPATH": ":".join(sys.path),
    }
    leader.services.exports = ExportRunner(command, environment, leader.services.unit.tasks.pause)


def with_config(leader: Any) -> None:
    """Let exports be run by `pio run` on this leader, whose web server it does not reach."""
    (leader.services.unit.paths.dot_pioreactor / "config.ini").write_text(
        "[cluster.topology]\nleader_hostname=leader1\nleader_address=127.0.0.1\n[mqtt]\nbroker_port=1\n[ui]\nport=1\n"
    )
    runs(leader, *pio_argv("run"))


def until(condition: Callable[[], Any]) -> Any:
    for _ in range(500):
        if found := condition():
            return found
        Event().wait(0.02)
    raise AssertionError("never")


def test_datasets_have_the_fields_of_their_description(recorded: Any) -> None:
    found = {dataset["dataset_name"]: dataset for dataset in recorded.client.get(URL).json()}
    assert found["od_readings"]["display_name"]
    assert found["od_readings"]["has_experiment"] is True
    assert found["pioreactor_unit_activity_data"]["always_partition_by_unit"] is True


@ON_BOTH_DATABASES
def test_a_preview_has_rows_by_column(recorded: Any) -> None:
    rows = recorded.client.get(f"{URL}/od_readings/preview?n_rows=3").json()
    assert len(rows) == 3
    assert rows[0]["timestamp"].endswith("Z")
    assert "timestamp_localtime" in rows[0]
    for query in ("n_rows=0", "n_rows=101", "n_rows=x"):
        assert recorded.client.get(f"{URL}/od_readings/preview?{query}").status_code == 400
    assert recorded.client.get(f"{URL}/nothing/preview").status_code == 404


@ON_BOTH_DATABASES
def test_an_archive_is_made_by_a_process_listed_fetched_and_deleted(recorded: Any) -> None:
    """Has the shapes of the reference: `result`, `filename` and `msg`, and the file below `/exports`."""
    client = recorded.client
    with_config(recorded)
    done = recorded.result(client.post(f"{URL}/export", json={**BODY, "partition_by_unit": True, "units": ["unit1"]}))
    assert done["status"] == "succeeded", done
    result = done["result"]
    assert (result["result"], result["rows"]) == (True, 2)
    assert result["msg"] == "Exported 2 rows."
    fetched = client.get(f"/exports/{result['filename']}", headers={"Accept-Encoding": "gzip"})
    assert fetched.headers["content-type"] == "application/zip"
    assert "content-encoding" not in fetched.headers
    assert int(fetched.headers["content-length"]) == result["size_bytes"] == len(fetched.content)
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as archive:
        assert archive.testzip() is None
    listed = client.get("/api/datasets/exports").json()
    assert [file["filename"] for file in listed["archives"]] == [result["filename"]]
    assert client.delete(f"/api/datasets/exports/{result['filename']}").status_code == 200
    assert client.get(f"/exports/{result['filename']}").status_code == 404


def test_progress_is_shown_and_an_export_is_stopped(recorded: Any) -> None:
    client = recorded.client
    runs(recorded, sys.executable, "-c", SLOW)
    began = client.post(f"{URL}/export", json=BODY)
    progress = until(lambda: client.get("/api/datasets/exports").json()["progress"])
    assert progress == {"dataset": "od_readings", "rows": 5, "total_rows": 10}
    assert client.post(f"{URL}/export", json=BODY).status_code == 409, "one at a time"
    assert client.delete(f"{URL}/export").status_code == 202
    ended = recorded.result(began)
    assert (ended["status"], ended["error"]) == ("failed", "the export was stopped")
    assert client.delete(f"{URL}/export").status_code == 404
    assert client.get("/api/datasets/exports").json()["is_running"] is False


@ON_BOTH_DATABASES
def test_the_archive_of_an_experiment_is_made_by_a_process_and_names_what_it_lacks(recorded: Any) -> None:
    with_config(recorded)
    done = recorded.result(recorded.client.post("/api/experiments/growth 1/archive"))
    assert done["status"] == "succeeded", done
    assert done["result"]["rows"] >= 5
    assert "leader1: not all of its" in done["result"]["msg"]
    fetched = recorded.client.get(f"/exports/{done['result']['filename']}")
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as archive:
        assert {"experiment.sqlite", "data/od_readings.csv"} <= set(archive.namelist())
    assert recorded.client.post("/api/experiments/unknown/archive").status_code == 404


def test_the_reason_of_a_failure_is_what_the_command_printed(recorded: Any) -> None:
    runs(recorded, sys.executable, "-c", "print('Error: the disk is full'); print('Try: Delete.'); raise SystemExit(1)")
    ended = recorded.result(recorded.client.post(f"{URL}/export", json=BODY))
    assert (ended["error"], ended["remediation"]) == ("the disk is full", "Delete.")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"datasets": []}, 400),
        ({"datasets": ["nothing"]}, 404),
        ({"experiment": "unknown"}, 404),
        ({"experiment": ""}, 400),
        ({"experiments": ["growth 1"]}, 400),
        ({"start_time": "2026-03-01T08:00:00"}, 400),
        ({"start_time": "0001-01-01T00:00:00+14:00"}, 400),
        ({"start_time": "2026-03-02T00:00:00Z", "end_time": "2026-03-01T00:00:00Z"}, 400),
        ({"format": "xlsx"}, 400),
    ],
)
def test_an_invalid_request_is_refused_before_anything_starts(recorded: Any, change: Any, status: int) -> None:
    answer = recorded.client.post(f"{URL}/export", json={**BODY, **change})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("name", [".lock", "%2e%2e%2fleader.sqlite", "secret.txt", "link.zip"])
def test_only_archives_are_fetched(recorded: Any, name: str) -> None:
    folder = recorded.services.unit.paths.exports
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secret.txt").write_text("x")
    (folder / ".lock").write_text("x")
    (folder / "link.zip").symlink_to(folder / "secret.txt")
    assert recorded.client.get(f"/exports/{name}").status_code == 404
    assert recorded.client.delete(f"/api/datasets/exports/{name}").status_code in (404, 405)
    assert (folder / "secret.txt").exists()


@ON_BOTH_DATABASES
def test_one_dataset_is_streamed_as_csv(recorded: Any) -> None:
    query = {"experiment": "growth 1", "unit": ["unit2"], "start_time": "2026-03-01T13:30:00Z"}
    answer = recorded.client.get(f"{URL}/od_readings/csv", params=query)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "od_readings-growth_1-all_units-" in answer.headers["content-disposition"]
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["pioreactor_unit"], row["timestamp"]) == ("unit2", at(2.0))
    assert row["hours_since_experiment_created"] == "2.0"
    assert recorded.client.get(f"{URL}/od_readings/csv?experiment=unknown").status_code == 404
    assert recorded.client.get(f"{URL}/od_readings/csv").status_code == 400


def test_options_survive_the_command_line(recorded: Any) -> None:
    """A name that begins with a hyphen is a value, not an option."""
    from pioreactor.exports.request import ExportRequest

    arguments = arguments_of(ExportRequest(datasets=["logs"], experiment="--help", units=["-x"], end_time=CREATED))
    assert "--experiment=--help" in arguments
    assert "--unit=-x" in arguments
    assert "--end-time=2026-03-01T12:00:00.000Z" in arguments
