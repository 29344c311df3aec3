"""What programs send to a leader works with a token: methods and bodies of 26.11, no session and no `Origin`."""

from typing import Any

import pytest
from tests.unit.web.security.test_access_tokens import as_program, created

from .conftest import accepts

JOBS = "/api/workers/unit1/jobs"


@pytest.fixture
def program(leader: Any) -> Any:
    leader.add_host("unit1", accepts)
    leader.add_workers("unit1", experiment="exp")
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    token = created(leader)["token"]
    as_program(leader, token)
    return leader


@pytest.mark.parametrize("method", ["PATCH", "POST"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{JOBS}/run/job_name/stirring/experiments/exp", {"options": {"target_rpm": 400}, "args": [], "env": {}}),
        (f"{JOBS}/run/job_name/stirring/experiments/exp", {"env": {"JOB_SOURCE": "user", "EXPERIMENT": "exp"}}),
        ("/api/workers/$broadcast/jobs/run/job_name/stirring/experiments/exp", {"options": {}}),
        (f"{JOBS}/stop/job_name/stirring/experiments/exp", None),
        (f"{JOBS}/stop/experiments/exp", None),
    ],
)
def test_jobs_are_started_and_stopped(program: Any, method: str, path: str, body: object) -> None:
    answer = program.client.request(method, path, json=body)
    assert program.result(answer)["status"] == "succeeded"
    sent = [request for _, request in program.http.asked if request.method != "GET"]
    assert sent[-1].headers["X-Pioreactor-Target"] == "unit1"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/api/workers/unit1/bioreactor/update/experiments/exp", {"values": {"current_volume_ml": 14.0}}, 202),
        ("PUT", "/api/workers/unit1/is_active", {"is_active": 0}, 200),
        ("PUT", "/api/experiments/exp/workers", {"pioreactor_unit": "unit1"}, 200),
        ("PATCH", "/api/experiments/exp/unit_labels", {"unit": "unit1", "label": "A"}, 201),
        ("PATCH", "/api/experiments/exp/chart_preferences", {"overview_chart_keys": ["temperature"]}, 200),
        ("PUT", "/api/workers", {"pioreactor_unit": "unit1"}, 200),
        ("POST", "/api/workers/unit1/blink", None, 202),
    ],
)
def test_other_changes(program: Any, method: str, path: str, body: object, status: int) -> None:
    answer = program.client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
