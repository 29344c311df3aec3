"""Backups on the leader and its workers are listed and restored by the panel; repair and USB drives over HTTP."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pioreactor.actions.backup import back_up, list_backups, verify
from pioreactor.http.files_in_parts import digest_of
from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response
from pioreactor.storage.leader.database import LeaderDatabase


@pytest.fixture
def restoring(leader: Any) -> Any:
    unit = leader.services.unit
    unit.runtime = replace(unit.runtime, identity=replace(unit.runtime.identity, leader_hostname="leader1"))
    database = LeaderDatabase.open(unit.paths.database)
    database.experiments.create("first")
    database.close()
    leader.jobs = []
    leader.add_host("leader1", lambda _: json_response([{"job_name": name} for name in ("monitor", *leader.jobs)]))
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    return leader


def experiments(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT experiment FROM experiments")]


def add_experiment(path: Path, name: str) -> None:
    database = LeaderDatabase.open(path)
    database.experiments.create(name)
    database.close()


def restore(leader: Any, unit: str, name: str) -> Any:
    return leader.client.post("/api/backups/restore", json={"pioreactor_unit": unit, "name": name})


def test_a_backup_is_restored_and_that_is_undone(restoring: Any) -> None:
    runtime = restoring.services.unit.runtime
    name = back_up(runtime).path.name
    add_experiment(runtime.paths.database, "second")
    listed = restoring.client.get("/api/backups").json()["backups"]
    assert [(each["pioreactor_unit"], each["name"]) for each in listed] == [("leader1", name)]
    restoring.jobs.append("stirring")
    assert "stirring on leader1" in restore(restoring, "leader1", name).json()["error"]
    restoring.jobs.clear()
    before = restoring.result(restore(restoring, "leader1", name))["result"]["before"]
    assert experiments(runtime.paths.database) == ["first"]
    listed = restoring.client.get("/api/backups").json()["backups"]
    assert [each["name"] for each in listed if each["is_before_restore"]] == [before]
    restoring.result(restore(restoring, "leader1", before))
    assert experiments(runtime.paths.database) == ["first", "second"]


def test_a_copy_is_verified_where_it_is_kept(restoring: Any) -> None:
    def verified(unit: str, name: str) -> Any:
        asked = restoring.client.post("/api/backups/verify", json={"pioreactor_unit": unit, "name": name})
        return restoring.result(asked) if asked.status_code == 202 else asked.json()

    runtime, made = restoring.services.unit.runtime, back_up(restoring.services.unit.runtime)
    name = made.path.name
    assert verified("leader1", name)["result"] == {"pioreactor_unit": "leader1", "name": name, "rows": made.rows}
    made.path.write_bytes(made.path.read_bytes()[:5000])
    assert "cannot be read" in verified("leader1", name)["error"] or "damaged" in verified("leader1", name)["error"]
    assert "has no backup" in verified("leader1", "pioreactor-9.sqlite")["error"]
    restoring.add_workers("unit1")
    restoring.add_host("unit1", lambda _: json_response({"name": "pioreactor-1.sqlite", "rows": 12}))
    assert verified("unit1", "pioreactor-1.sqlite")["result"]["rows"] == 12
    assert experiments(runtime.paths.database) == ["first"], "nothing was changed"


def test_a_copy_on_a_worker_is_restored(restoring: Any, tmp_path: Path) -> None:
    runtime = restoring.services.unit.runtime
    copy = back_up(runtime, output=tmp_path / "copy.sqlite").path
    add_experiment(runtime.paths.database, "second")
    content = copy.read_bytes()

    def answer(request: Request) -> Response:
        if request.path == "/unit_api/backups":
            return json_response([{"name": "pioreactor-1.sqlite", "size_bytes": len(content)}])
        if "/parts/" in request.path:
            return Response(200, content[int(request.path.rsplit("/", 1)[1]) :])
        if request.path.startswith("/unit_api/backups/"):
            return json_response({"size_bytes": len(content), "sha256": digest_of(copy)})
        return json_response([])

    restoring.add_workers("unit1", "unit2")
    restoring.add_host("unit1", answer)
    found = restoring.client.get("/api/backups").json()
    assert (found["backups"][0]["pioreactor_unit"], found["silent"]) == ("unit1", ["unit2"])
    restoring.result(restore(restoring, "unit1", "pioreactor-1.sqlite"))
    assert experiments(runtime.paths.database) == ["first"]
    assert verify(runtime.paths.database).rows > 0


def test_a_backup_is_made_on_demand_and_sent_to_workers(restoring: Any) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(request.path.rpartition("/")[2])
        return json_response({"name": "x", "rows": 1})

    restoring.add_workers("unit1", "unit2")
    restoring.add_host("unit1", answer)
    unit = restoring.services.unit
    storage = msgspec.structs.replace(unit.runtime.settings.storage, number_of_backup_replicates_to_workers=2)
    unit.runtime = replace(unit.runtime, settings=replace(unit.runtime.settings, storage=storage))
    made = restoring.result(restoring.client.post("/api/backups"))["result"]
    (path,) = list_backups(unit.runtime)
    assert (made["name"], made["rows"] > 0, made["workers"]) == (path.name, True, ["unit1"])
    assert len(made["problems"]) == 1
    assert made["problems"][0].startswith("unit2 has no copy")
    assert asked == [path.name, "0", "finish"]


@pytest.mark.parametrize("name", ["../x.sqlite", "x", "x.sqlite\n", ""])
def test_what_is_no_backup_is_not_restored(restoring: Any, name: str) -> None:
    assert restore(restoring, "leader1", name).status_code == 400
    assert restore(restoring, "unit9", "x.sqlite").status_code == 400
    assert restoring.result(restore(restoring, "leader1", "x.sqlite"))["error_status"] == 404


def test_a_unit_is_repaired(leader: Any) -> None:
    paths = leader.services.unit.paths
    paths.secrets.mkdir(parents=True, exist_ok=True)
    (paths.secrets / "key").write_text("x")
    (paths.secrets / "key").chmod(0o644)
    done = leader.result(leader.client.post("/unit_api/system/repair"))["result"]["done"]
    assert any("closed" in each for each in done)
    assert paths.exportable_datasets.is_dir()
    assert leader.result(leader.client.patch("/unit_api/system/repair"))["result"]["done"] == []


def test_roll_ups_are_verified_and_repaired(restoring: Any) -> None:
    with restoring.services.database.access.writing() as connection:
        series = "table_name, column_name, experiment, pioreactor_unit, channel"
        connection.exec_driver_sql(
            f"INSERT INTO rollup_series ({series}) VALUES ('od_readings', 'od_reading', 'e', 'u', '1')"
        )
        connection.exec_driver_sql(
            "INSERT INTO rollup_buckets "
            "SELECT id, 0, 9, 1, 1.0, 1.0, 't', 1.0, 't', 1.0, 't', 1.0, 't' FROM rollup_series"
        )
    found = {}
    for what in ("verify", "repair"):
        result = restoring.result(restoring.client.post(f"/api/database/{what}"))["result"]
        found[what] = [(each["table"], each["differing"]) for each in result if each["differing"]]
    assert found == {"verify": [("od_readings", 1)], "repair": []}
