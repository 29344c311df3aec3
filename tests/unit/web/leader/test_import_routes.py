"""The data of a leader of the existing software come over by the panel's routes, and go again."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.data_import.reference_leader import make_reference_leader
from tests.unit.data_import.test_import_reference import archive_of

from pioreactor.exports.experiment_archive import write_experiment
from pioreactor.storage.leader.database import LeaderDatabase


@pytest.fixture
def importing(leader: Any) -> Any:
    """The leader's server with a database of its own, used by a person."""
    unit = leader.services.unit
    unit.runtime = replace(unit.runtime, identity=replace(unit.runtime.identity, leader_hostname="leader1"))
    unit.paths.global_config.write_text("[cluster.topology]\nleader_hostname=leader1\n[mqtt]\n")
    LeaderDatabase.open(unit.paths.database).close()
    leader.sign_in()
    origin = str(leader.client.base_url).rstrip("/")
    leader.client.headers["Origin"] = origin
    return leader


def test_an_archive_is_sent_tried_imported_and_undone(importing: Any, tmp_path: Path) -> None:
    client = importing.client
    assert client.post("/api/import/plan").status_code == 404
    archive = archive_of(make_reference_leader(tmp_path / "old"), tmp_path / "old.zip")
    with archive.open("rb") as file:
        assert client.put("/api/import/archive", files={"archive": file}).status_code == 200
    state = client.get("/api/import").json()
    size_bytes = archive.stat().st_size
    nothing: dict[str, object] = {
        "experiment_bytes": None,
        "folders": [],
        "is_running": False,
        "progress": None,
        "last": None,
    }
    assert state == {"size_bytes": size_bytes, **nothing}
    plan = importing.result(client.post("/api/import/plan"))["result"]
    assert {table["name"]: table["rows"] for table in plan["database"]["tables"]}["od_readings"] == 100
    assert [each["device"] for each in plan["active"] if not each["reason"]] == ["media_pump"]
    report = importing.result(client.post("/api/import"))["result"]
    assert report["rows"]["od_readings"] == 100
    state = client.get("/api/import").json()
    assert (state["size_bytes"], state["last"]["started_at"]) == (None, report["started_at"])
    assert importing.result(client.delete("/api/import"))["result"]["undone_at"]
    assert client.get("/api/import").json()["last"] is None


def test_what_is_no_archive_is_refused_and_can_be_dropped(importing: Any) -> None:
    client = importing.client
    headers = {"Content-Type": "application/zip"}
    assert client.put("/api/import/archive", content=b"no archive", headers=headers).status_code == 200
    assert importing.result(client.post("/api/import/plan"))["error_code"] == "hostile_archive"
    assert importing.result(client.post("/api/import"))["error_code"] == "hostile_archive"
    assert client.delete("/api/import/archive").status_code == 200
    assert client.get("/api/import").json()["size_bytes"] is None


def test_a_folder_on_a_drive_is_imported_in_place_of_an_archive(importing: Any, tmp_path: Path) -> None:
    client, usb = importing.client, importing.services.unit.paths.usb
    old = make_reference_leader(usb / "stick" / "old lab")
    (usb / "stick" / "link").symlink_to(old)
    assert client.get("/api/import").json()["folders"] == [str(old)]
    for wrong in (str(tmp_path), "/etc", f"{old}/..", str(usb / "stick" / "link")):
        assert client.post("/api/import/plan", params={"folder": wrong}).status_code == 404, wrong
    plan = importing.result(client.post("/api/import/plan", params={"folder": str(old)}))["result"]
    assert plan["database"]["tables"]
    report = importing.result(client.post("/api/import", params={"folder": str(old)}))["result"]
    assert report["rows"]["od_readings"] == 100
    assert (old / "storage" / "pioreactor.sqlite").exists(), "what is on the drive stays"


def test_an_experiment_of_another_cluster_is_taken_over(importing: Any, tmp_path: Path) -> None:
    client, runtime = importing.client, importing.services.unit.runtime
    database = LeaderDatabase.open(runtime.paths.database)
    database.experiments.create("Wild type")
    content = Path(write_experiment(runtime, "Wild type", output=tmp_path / "wild.zip").path).read_bytes()
    headers = {"Content-Type": "application/zip"}

    def send(body: bytes) -> Any:
        return importing.result(client.post("/api/import/experiment", content=body, headers=headers))

    assert "Wild type" in send(content)["error"]
    database.experiments.delete("Wild type")
    assert send(content)["result"]["experiments"] == ["Wild type"]
    assert send(b"no archive")["error_code"] == "hostile_archive"
    assert list((runtime.paths.storage / "imports").rglob("experiment-*.zip")) == []
    database.close()


def test_an_experiment_is_tried_imported_read_and_deleted(importing: Any, tmp_path: Path) -> None:
    client, runtime = importing.client, importing.services.unit.runtime
    database = LeaderDatabase.open(runtime.paths.database)
    database.experiments.create("Wild type")
    exported = write_experiment(
        runtime, "Wild type", output=tmp_path / "wild.zip", of_units=[("config/units/unit1.ini", b"[PWM]\n1=waste\n")]
    )
    served = (importing.services.database.path, database.experiments.get("Wild type").created_at)
    with closing(sqlite3.connect(served[0])) as connection, connection:  # the server has another database
        connection.execute("INSERT INTO experiments (experiment, created_at) VALUES ('Wild type', ?)", served[1:])
    assert client.get("/api/experiments/Wild type/record").json()["imported_at"] == ""
    database.experiments.delete("Wild type")
    assert client.post("/api/import/experiment/plan").status_code == 404
    assert client.post("/api/import/experiment").status_code == 404
    headers = {"Content-Type": "application/zip"}
    content = Path(exported.path).read_bytes()
    assert client.put("/api/import/experiment", content=content, headers=headers).status_code == 200
    assert client.get("/api/import").json()["experiment_bytes"] == len(content)
    plan = importing.result(client.post("/api/import/experiment/plan"))["result"]
    assert plan["experiments"] == ["Wild type"]
    assert {each["name"]: each["reason"] for each in plan["files"]}["config/units/unit1.ini"] == ""
    done = importing.result(client.post("/api/import/experiment"))["result"]
    assert done["record_files"] > 1
    assert client.get("/api/import").json()["experiment_bytes"] is None
    record = client.get("/api/experiments/Wild type/record").json()
    assert record["experiment"] == "Wild type"
    assert "config/units/unit1.ini" in record["files"]
    text = client.get("/api/experiments/Wild type/record/config/units/unit1.ini")
    assert (text.text, text.headers["content-type"].partition(";")[0]) == ("[PWM]\n1=waste\n", "text/plain")
    assert client.get("/api/experiments/Wild type/record/record.json").status_code == 404
    folder = runtime.paths.storage / "experiment_records"
    assert len(list(folder.iterdir())) == 1
    importing.result(client.delete("/api/experiments/Wild type"))
    assert list(folder.iterdir()) == []
    assert client.put("/api/import/experiment", content=content, headers=headers).status_code == 200
    assert client.delete("/api/import/experiment").status_code == 200
    assert client.get("/api/import").json()["experiment_bytes"] is None
    database.close()
