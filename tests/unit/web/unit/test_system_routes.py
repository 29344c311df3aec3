"""Routes of a unit about its computer and about results of tasks."""

import os
from dataclasses import replace as changed
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.conftest import result_of
from tests.unit.web.leader.conftest import accepts

from pioreactor.identity.computer import Computer


def test_only_health_is_public(worker: Any) -> None:
    worker.headers.pop("Authorization")

    assert worker.get("/unit_api/health").json()["pioreactor_unit"] == "unit1"
    for path in ("/unit_api/jobs", "/unit_api/nowhere", "/unit_api/config/merged", "/api/workers", "/"):
        answer = worker.get(path)
        assert answer.status_code == 401, path
        assert answer.json()["error"] == "not signed in"


def test_an_unknown_task_is_404(worker: Any) -> None:
    assert worker.get("/unit_api/task_results/0123").status_code == 404


def test_system_information(worker: Any) -> None:
    disk = worker.get("/unit_api/system/disk_space").json()
    assert 0 < disk["free"] <= disk["total"]
    memory = worker.get("/unit_api/system/memory").json()
    assert 0 < memory["available"] <= memory["total"]
    assert "ipv4" in worker.get("/unit_api/system/ipv4").json()
    assert worker.get("/unit_api/versions/app").json()["version"]
    assert worker.get("/unit_api/system/utc_clock").json()["clock_time"].endswith("Z")


@pytest.mark.parametrize(
    ("told", "expected"), [("echo yes", True), ("echo no", False), ("echo perhaps", None), ("exit 1", None)]
)
def test_the_clock_says_whether_it_is_synchronized(
    worker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, expected: bool | None
) -> None:
    program = tmp_path / "bin" / "timedatectl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{told}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")
    assert worker.get("/unit_api/system/utc_clock").json()["synchronized"] is expected
    monkeypatch.setenv("PATH", str(tmp_path))
    assert worker.get("/unit_api/system/utc_clock").json()["synchronized"] is None, "without systemd"


def test_reboot_is_debounced(worker: Any, unit: Any) -> None:
    unit.power = {"reboot": ("true",), "shutdown": ("sh", "-c", "echo no >&2; exit 1")}
    assert result_of(worker, worker.post("/unit_api/system/reboot"))["result"] == "ok"
    assert worker.post("/unit_api/system/shutdown").status_code == 429
    unit.launcher._started_at.clear()
    failed = result_of(worker, worker.patch("/unit_api/system/shutdown"))
    assert failed["error"] == "shutdown was refused: no"


def start_job(unit: Any, name: str) -> int:
    made: int = unit.stores.jobs().register(
        unit="unit1", experiment="exp1", job_name=name, job_source="user", leader="leader1",
        pid=os.getpid(), is_long_running=False, started_at="2030-01-01T00:00:00.000Z", exclusive=True,
    )  # fmt: skip
    return made


@pytest.mark.parametrize("what", ["reboot", "shutdown"])
def test_a_computer_on_which_jobs_run_is_asked_twice(worker: Any, unit: Any, what: str) -> None:
    unit.power = {"reboot": ("true",), "shutdown": ("true",), "restart": ("true",)}
    start_job(unit, "monitor")
    stirring = start_job(unit, "stirring")
    refused = worker.post(f"/unit_api/system/{what}")
    assert refused.status_code == 409
    assert refused.json()["error"] == f"unit1 runs stirring, which a {what} ends"
    assert worker.post(f"/unit_api/system/{what}", json={"even_with_jobs": False}).status_code == 409
    assert result_of(worker, worker.post(f"/unit_api/system/{what}", json={"even_with_jobs": True}))["result"] == "ok"
    unit.stores.jobs().finish(stirring, ended_at="2030-01-01T00:01:00.000Z")
    unit.launcher._started_at.clear()
    assert result_of(worker, worker.post(f"/unit_api/system/{what}"))["result"] == "ok"


def simulated(unit: Any) -> None:
    unit.runtime = changed(unit.runtime, computer=Computer(belongs_to_reactor=False))


def test_the_computer_of_a_simulated_reactor_is_left_alone(worker: Any, unit: Any) -> None:
    unit.power = {"reboot": ("false",), "shutdown": ("false",), "restart": ("false",)}
    simulated(unit)
    for path in ("reboot", "shutdown", "web_server/restart"):
        refused = worker.post(f"/unit_api/system/{path}")
        assert refused.status_code == 409
        assert "simulated" in refused.json()["error"]
    assert "simulated" in result_of(worker, worker.post("/unit_api/system/utc_clock"))["error"]
    assert worker.get("/unit_api/system/machine").json()["is_simulated"] is True


def test_a_refusal_is_told_from_its_beginning(worker: Any, unit: Any) -> None:
    command = (
        "sh",
        "-c",
        "printf 'Access denied as authentication is required. %0600d' 1 >&2; exit 1",
    )
    unit.power = {"reboot": command, "shutdown": command, "restart": command}
    failed = result_of(worker, worker.post("/unit_api/system/reboot"))
    assert failed["error"].startswith("reboot was refused: Access denied")
    assert failed["error"].endswith("…")


def test_the_state_of_a_machine(worker: Any, unit: Any) -> None:
    start_job(unit, "stirring")
    found = worker.get("/unit_api/system/machine").json()
    assert found["pioreactor_unit"] == "unit1"
    assert found["activities"] == ["stirring"]
    assert found["services"] == [{"name": "monitor", "is_running": False}]
    assert 0 < found["disk"]["free"] <= found["disk"]["total"]
    assert 0 < found["memory"]["available"] <= found["memory"]["total"]
    assert found["uptime_s"] > 0
    assert found["web_server"] == worker.get("/unit_api/system/web_server/status").json()
    assert found["backups"] == []
    assert found["certificates"] == [], "this server serves no HTTPS"
    renewed = result_of(worker, worker.post("/unit_api/system/certificates/renew"))
    assert "belongs to no cluster" in renewed["error"]


def test_the_web_server_is_restarted_beside_its_jobs(worker: Any, unit: Any) -> None:
    start_job(unit, "stirring")
    unit.power = {"restart": ("true",)}
    assert result_of(worker, worker.post("/unit_api/system/web_server/restart"))["result"] == "ok"
    assert worker.post("/unit_api/system/web_server/restart").status_code == 429


def test_the_end_of_the_log(worker: Any, unit: Any, tmp_path: Path) -> None:
    log = tmp_path / "unit.log"
    unit.runtime = changed(unit.runtime, log_file=log)
    assert worker.get("/unit_api/system/log").text == ""
    log.write_text("first line\n" + "".join(f"line {number}\n" for number in range(20_000)))
    lines = worker.get("/unit_api/system/log").text.splitlines()
    assert lines[-1] == "line 19999"
    assert len(lines) < 20_000
    assert all(line.startswith("line ") for line in lines), "no line is cut"


def test_a_worker_follows_its_time_server(worker: Any, unit: Any) -> None:
    asked: list[str] = []
    unit.synchronize_clock = lambda: asked.append("sync")
    for method in ("POST", "PATCH"):
        done = result_of(worker, worker.request(method, "/unit_api/system/utc_clock"))
        assert done["result"]["status"] == "success"
    assert asked == ["sync", "sync"]


def test_the_clocks_of_a_cluster_are_set(leader: Any) -> None:
    leader.add_workers("unit1", "unit2")
    leader.add_host("unit1", accepts)
    set_to: list[datetime] = []
    leader.services.unit.set_clock = set_to.append
    unit = leader.services.unit
    unit.runtime = changed(unit.runtime, identity=changed(unit.runtime.identity, leader_hostname="leader1"))
    assert leader.client.post("/api/system/utc_clock", json={"utc_clock_time": "yesterday"}).status_code == 400
    done = leader.result(leader.client.post("/api/system/utc_clock", json={"utc_clock_time": "2026-11-29T10:00:00Z"}))
    assert set_to == [datetime(2026, 11, 29, 10, tzinfo=UTC)]
    assert {name: one["ok"] for name, one in done["result"].items()} == {"unit1": True, "unit2": False}
    leader.result(leader.client.post("/api/system/utc_clock", json={}))
    assert len(set_to) == 1, "the workers follow the leader as it is"
