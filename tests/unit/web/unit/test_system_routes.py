"""Routes of a unit about its computer and about results of tasks."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.conftest import result_of


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
