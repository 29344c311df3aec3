"""The API of a unit."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pioreactor.processes.liveness import process_started_at
from pioreactor.web.request_bodies import RunJob
from pioreactor.web.unit.job_launcher import JobFailedError, JobLauncher

from .conftest import client_of, result_of

SAY_ARGUMENTS = "import json, os, sys; open(sys.argv[1], 'w').write(json.dumps([sys.argv[2:], dict(os.environ)]))"


@pytest.fixture
def recording(make_unit: Callable[..., Any], tmp_path: Path) -> Iterator[tuple[Any, Path]]:
    """A worker whose jobs write down how they were started."""
    written = tmp_path / "arguments.json"
    unit = make_unit(command=(sys.executable, "-c", SAY_ARGUMENTS, str(written)))
    with client_of(unit) as client:
        yield client, written


def test_only_health_is_public(worker: Any) -> None:
    worker.headers.pop("Authorization")

    assert worker.get("/unit_api/health").json()["pioreactor_unit"] == "unit1"
    for path in ("/unit_api/jobs", "/unit_api/nowhere", "/unit_api/config/merged", "/api/workers", "/"):
        answer = worker.get(path)
        assert answer.status_code == 401, path
        assert answer.json()["error"] == "not signed in"


def test_a_job_is_started_with_the_requested_options(recording: Any) -> None:
    import json

    client, written = recording
    body = {
        "options": {"target_rpm": 500, "use_rpm": None, "offset": -3, "name": "a; rm -rf /"},
        "args": ["execute", "a b"],
        "env": {"EXPERIMENT": "my exp", "JOB_SOURCE": "", "ACTIVE": None},
        "config_overrides": [["stirring.config", "pwm_hz", "67"]],
    }
    assert result_of(client, client.patch("/unit_api/jobs/run/job_name/stirring", json=body))["result"] == "ok"

    arguments, environment = json.loads(written.read_text())
    assert arguments == [
        *("--config-override", "stirring.config", "pwm_hz", "67", "stirring", "execute", "a b"),
        *("--target-rpm", "500", "--use-rpm", "--offset=-3", "--name", "a; rm -rf /"),
    ]
    assert environment["EXPERIMENT"] == "my exp"
    assert not {"SECRET", "JOB_SOURCE", "ACTIVE"} & set(environment)


@pytest.mark.parametrize(
    ("job", "body"),
    [
        ("Stirring", {}),
        ("--help", {}),
        ("stirring", {"env": {"LD_PRELOAD": "x.so"}}),
        ("stirring", {"env": {"DOT_PIOREACTOR": "/tmp/x"}}),
        ("stirring", {"options": {"a b": 1}}),
        ("stirring", {"unknown": 1}),
        ("stirring", {"config_overrides": [["one"]]}),
    ],
)
def test_an_invalid_request_is_refused_at_once(recording: Any, job: str, body: Any) -> None:
    client, written = recording
    assert client.patch(f"/unit_api/jobs/run/job_name/{job}", json=body).status_code == 400
    assert not written.exists()


def test_a_job_that_fails_at_once_reports_its_error(make_unit: Callable[..., Any]) -> None:
    script = "import sys; print('starting'); sys.exit('Error: no calibration\\n  Try: run one')"
    unit = make_unit(command=(sys.executable, "-c", script))
    with client_of(unit) as client:
        failed = result_of(client, client.post("/unit_api/jobs/run/job_name/od_reading"))

    assert failed["status"] == "failed"
    assert failed["error"] == "od_reading did not start: no calibration"
    assert failed["remediation"] == "run one"


def test_a_repeated_start_within_a_second_is_refused(recording: Any) -> None:
    client, _ = recording
    first = client.patch("/unit_api/jobs/run/job_name/stirring", json={})
    assert client.patch("/unit_api/jobs/run/job_name/stirring", json={}).status_code == 429
    assert client.patch("/unit_api/jobs/run/job_name/od_reading", json={}).status_code == 202
    result_of(client, first)


def test_jobs_outlive_the_server_and_ended_jobs_are_reaped(tmp_path: Path) -> None:
    ready = tmp_path / "pid"
    script = f"import os, time; open({str(ready)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    launcher = JobLauncher((sys.executable, "-c", script), {})
    assert launcher.launch("stirring", RunJob()) == "ok"
    pid = int(ready.read_text())
    assert os.getsid(pid) == pid

    os.kill(pid, signal.SIGKILL)
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists():
            break
        launcher._closing.wait(0.02)
    assert not Path(f"/proc/{pid}").exists()

    assert launcher.launch("stirring", RunJob()) == "ok"
    pid = int(ready.read_text())
    launcher.close()
    assert process_started_at(pid) is not None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_the_signal_that_killed_a_job_is_reported() -> None:
    launcher = JobLauncher((sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"), {})
    with pytest.raises(JobFailedError, match="SIGKILL"):
        launcher.launch("stirring", RunJob())


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


def test_descriptors_come_from_the_declarations(worker: Any) -> None:
    [stirring] = worker.get("/unit_api/jobs/descriptors").json()
    target = next(s for s in stirring["published_settings"] if s["key"] == "target_rpm")
    assert target == {
        "key": "target_rpm",
        "type": "numeric",
        "display": True,
        "unit": "RPM",
        "label": "Target stir RPM",
        "min": 0.0,
        "max": 1500.0,
        "default": 500.0,
    }
    measured = next(s for s in stirring["published_settings"] if s["key"] == "measured_rpm")
    assert measured["editable"] is False
    [turbidostat] = worker.get("/unit_api/automations/descriptors/dosing").json()
    assert [field["key"] for field in turbidostat["fields"]] == ["target_biomass"]
    assert worker.get("/unit_api/automations/descriptors/nonsense").status_code == 400
    assert {group["key"] for group in worker.get("/unit_api/settings/descriptors").json()} == {
        "bioreactor",
        "leds",
        "pwms",
    }
    capabilities = worker.get("/unit_api/capabilities").json()
    assert {c["job_name"] for c in capabilities} == {"stirring", "dosing_automation"}


def test_variables_of_the_vial_are_set_together_or_not_at_all(worker: Any, unit: Any) -> None:
    path = "/unit_api/bioreactor/experiments/my exp"
    assert worker.patch(path, json={"values": {"current_volume_ml": 14.0, "nonsense": 1}}).status_code == 400
    assert (
        worker.patch(path, json={"values": {"current_volume_ml": 14.0, "alt_media_fraction": 1.5}}).status_code == 400
    )
    assert worker.patch(path, json={"values": {"current_volume_ml": 100.0}}).status_code == 400
    assert worker.get(path).json()["values"]["current_volume_ml"] == 15.0, "what the configuration begins with"
    assert unit.bus.published == []

    assert worker.patch(path, json={"values": {"current_volume_ml": 14.0}}).json()["values"] == {
        "current_volume_ml": 14.0,
        "efflux_tube_volume_ml": 15.0,
        "alt_media_fraction": 0.0,
        "cumulative_media_added_ml": 0.0,
        "cumulative_alt_media_added_ml": 0.0,
        "cumulative_waste_removed_ml": 0.0,
    }
    topic = "pioreactor/unit1/my exp/bioreactor/current_volume_ml"
    assert unit.bus.published == [(topic, "14.0", 1, True)]
    assert [entry.topic for entry in unit.stores.journal().read(after_seq=0, limit=9)] == [topic], (
        "the database receives it"
    )


def test_a_units_own_configuration_is_checked_before_it_is_written(worker: Any, unit: Any) -> None:
    good = {"code": "[stirring.config]\ninitial_target_rpm=400\n"}
    assert worker.patch("/unit_api/config/specific", json=good).status_code == 200
    assert worker.get("/unit_api/config/specific").text == good["code"]
    assert worker.get("/unit_api/config/merged").json()["stirring.config"]["initial_target_rpm"] == "400"

    bad = worker.patch("/unit_api/config/specific", json={"code": "[stirring.config]\ninitial_target_rpm=fast\n"})
    assert bad.status_code == 400
    assert "initial_target_rpm" in bad.json()["error"]
    assert worker.get("/unit_api/config/specific").text == good["code"]
