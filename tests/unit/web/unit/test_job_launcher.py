"""Routes of a unit that start jobs."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.conftest import client_of, result_of

from pioreactor.clock.virtual import VirtualClock
from pioreactor.messaging.memory import MemoryBroker
from pioreactor.processes.liveness import process_started_at
from pioreactor.web.request_bodies import RunJob, check_environment
from pioreactor.web.unit.job_launcher import JobFailedError, JobLauncher, watch_states

SAY_ARGUMENTS = "import json, os, sys; open(sys.argv[1], 'w').write(json.dumps([sys.argv[2:], dict(os.environ)]))"


@pytest.fixture
def recording(make_unit: Callable[..., Any], tmp_path: Path) -> Iterator[tuple[Any, Path]]:
    """A worker whose jobs write down how they were started."""
    written = tmp_path / "arguments.json"
    unit = make_unit(command=(sys.executable, "-c", SAY_ARGUMENTS, str(written)))
    with client_of(unit) as client:
        yield client, written


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


def test_doses_in_quick_succession_are_started_and_a_double_click_is_refused_and_logged(
    recording: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Different doses wait for their pump. An equal one is refused, with who asked for how much."""
    client, _ = recording
    path, user = "/unit_api/jobs/run/job_name/add_media", {"JOB_SOURCE": "user"}
    requests: list[dict[str, Any]] = [
        {"options": {"ml": 0.5}, "env": user},
        {"options": {"ml": 0.6}, "env": user},
        {"options": {"ml": 0.5}, "env": {"JOB_SOURCE": "experiment_profile"}},
    ]
    accepted = [client.patch(path, json=request) for request in requests]
    assert [result_of(client, answer)["status"] for answer in accepted] == ["succeeded"] * 3
    assert client.patch("/unit_api/jobs/run/job_name/led_intensity", json={"options": {"A": 5}}).status_code == 202
    assert client.patch("/unit_api/jobs/run/job_name/led_intensity", json={"options": {"A": 0}}).status_code == 202

    caplog.clear()
    client.post(path, json={"options": {"ml": 0.7}, "env": user})
    again = client.post(path, json={"options": {"ml": 0.7}, "env": user})
    assert (again.status_code, again.json()["error"]) == (429, "add_media was started less than 1 s ago")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "Refused add_media ml=0.7 (requested by user)" in record.getMessage()


def test_requests_are_forgotten_after_a_while() -> None:
    now = [0.0]
    launcher = JobLauncher(("true",), {}, seconds=lambda: now[0])
    for number in range(1000):
        now[0] += 1.0
        launcher.debounce(f"add_media {number}")
    assert len(launcher._started_at) <= 60


def test_variables_without_a_value_have_no_effect() -> None:
    requested = {"EXPERIMENT": "exp", "JOB_SOURCE": "", "DEBUG": None, "SKIP_PLUGINS": "None"}
    assert check_environment(requested, {"EXPERIMENT", "HOSTNAME"}) == {"EXPERIMENT": "exp"}
    launcher = JobLauncher(("true",), {"PATH": "/bin"})
    assert launcher._environment(requested)["EXPERIMENT"] == "exp"
    assert not {"JOB_SOURCE", "DEBUG", "SKIP_PLUGINS"} & set(launcher._environment(requested))


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


def test_a_job_that_fails_after_its_imports_does_not_count_as_started() -> None:
    states = MemoryBroker(VirtualClock()).connect("web")
    script = "import sys, time; time.sleep(1.5); sys.exit('Error: chemostat has no option --volum')"
    launcher = JobLauncher((sys.executable, "-c", script), {}, readiness=watch_states(states, "unit1"))
    with pytest.raises(JobFailedError, match="no option --volum"):
        launcher.launch("dosing_automation", RunJob())
    launcher.close()


@pytest.mark.parametrize("key", ["stirring", "stirring/7"])
def test_a_start_is_answered_once_the_job_is_ready(key: str) -> None:
    states = MemoryBroker(VirtualClock()).connect("web")
    states.publish(f"pioreactor/unit1/exp/{key}/$state", "ready", retain=True)  # of an earlier run
    launcher = JobLauncher((sys.executable, "-c", "import time; time.sleep(60)"), {})
    launcher.readiness = watch_states(states, "unit1")
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(launcher.launch("stirring", RunJob())))
    asking.start()
    asking.join(0.5)
    assert answers == []
    states.publish(f"pioreactor/unit1/exp/{key}/$state", "init", retain=True)
    states.publish(f"pioreactor/unit1/exp/{key}/$state", "ready", retain=True)
    asking.join(5)
    assert answers == ["ok"]
    for child in list(launcher._children):
        os.kill(child.process.pid, signal.SIGKILL)
    launcher.close()


@pytest.mark.parametrize(("version", "status"), [("25.9.0", 409), ("26.1.0", 202), ("nonsense", 202), (None, 202)])
def test_a_leader_of_a_distant_version_starts_nothing_but_stops_everything(
    recording: Any, version: str | None, status: int
) -> None:
    headers = {} if version is None else {"X-Pioreactor-Version": version}
    client, _ = recording
    started = client.post("/unit_api/jobs/run/job_name/stirring", headers=headers)
    assert started.status_code == status, started.text
    if status == 202:
        result_of(client, started)
    if status == 409:
        assert f"the leader {version}" in started.json()["error"]
        assert "pio update app" in started.json()["remediation"]
    stopped = client.post("/unit_api/jobs/stop", json={"job_name": "stirring"}, headers=headers)
    assert stopped.status_code in (200, 202), stopped.text
