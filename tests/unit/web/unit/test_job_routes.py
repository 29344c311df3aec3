"""Routes of a unit that stop and list jobs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.unit.web.conftest import result_of


@pytest.fixture
def a_job() -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(script: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE))
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == b"ready\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def register(unit: Any, job_name: str, pid: int, *, experiment: str = "exp", long_running: bool = False) -> int:
    return int(
        unit.stores.jobs().register(
            unit=unit.name,
            experiment=experiment,
            job_name=job_name,
            job_source="user",
            leader="leader1",
            pid=pid,
            is_long_running=long_running,
            started_at="2026-11-22T12:00:00.000Z",
            exclusive=True,
        )
    )


def test_stopping_waits_for_the_end_of_the_process(worker: Any, unit: Any, a_job: Any) -> None:
    process = a_job("import time; print('ready', flush=True); time.sleep(60)")
    register(unit, "stirring", process.pid)
    register(unit, "od_reading", 2**22 - 1, experiment="other")

    found = result_of(worker, worker.post("/unit_api/jobs/stop", json={"experiment": "exp"}))

    assert found["result"] == {"stopped": ["stirring"]}
    assert process.wait(1) == -signal.SIGINT or process.returncode == 1


def test_a_reused_pid_is_not_signaled(worker: Any, unit: Any, a_job: Any) -> None:
    innocent = a_job("import time; print('ready', flush=True); time.sleep(60)")
    job_id = register(unit, "stirring", innocent.pid)
    from dataclasses import replace

    registry = unit.stores.jobs()
    registry._jobs[job_id] = replace(registry._jobs[job_id], process_started_at=1.0)

    found = result_of(worker, worker.post("/unit_api/jobs/stop", json={"job_name": "stirring"}))

    assert found["status"] == "succeeded"
    assert innocent.poll() is None


def test_stopping_without_a_filter_is_refused(worker: Any) -> None:
    answer = worker.post("/unit_api/jobs/stop", json={})
    assert answer.status_code == 400
    assert "job_name" in answer.json()["error"]


def test_stopping_all_skips_long_running_jobs(worker: Any, unit: Any, a_job: Any) -> None:
    monitor = a_job("import time; print('ready', flush=True); time.sleep(60)")
    register(unit, "monitor", monitor.pid, experiment="$experiment", long_running=True)

    assert result_of(worker, worker.patch("/unit_api/jobs/stop/all"))["result"] == {"stopped": []}
    assert monitor.poll() is None
    assert [row["job_name"] for row in worker.get("/unit_api/long_running_jobs/running").json()] == ["monitor"]


def test_running_jobs_and_their_settings(worker: Any, unit: Any) -> None:
    job_id = register(unit, "stirring", os.getpid())
    unit.stores.jobs().set_setting(job_id, "target_rpm", 500.0, at="2026-11-22T12:00:01.000Z")
    unit.stores.jobs().set_setting(job_id, "pid", '{"Kp": 1}', at="2026-11-22T12:00:01.000Z")

    [row] = worker.get("/unit_api/jobs/running").json()
    assert (row["job_name"], row["is_running"], row["is_long_running_job"]) == ("stirring", 1, 0)
    assert worker.get("/unit_api/jobs/running/od_reading").json() == []
    assert len(worker.get("/unit_api/jobs/running/experiments/exp").json()) == 1
    assert worker.get("/unit_api/jobs/settings/job_name/stirring").json() == {
        "settings": {"target_rpm": 500.0, "pid": {"Kp": 1}}
    }
    assert worker.get("/unit_api/jobs/settings/job_name/stirring/setting/target_rpm").json() == {"target_rpm": 500.0}
    assert worker.get("/unit_api/jobs/settings/job_name/stirring/setting/nothing").status_code == 404
    assert worker.get("/unit_api/jobs/settings/job_name/od_reading").status_code == 404
