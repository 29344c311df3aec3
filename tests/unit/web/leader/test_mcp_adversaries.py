"""Agents that try everything: 300 seeded sequences, and not one act beyond what a token allows."""

import random
from typing import Any

import pytest

from pioreactor.exc import PioreactorError
from pioreactor.http.loopback import Request
from pioreactor.http.ports import Response
from pioreactor.web.leader import in_process_requests
from pioreactor.web.leader.in_process_requests import MAX_CALLS_PER_MINUTE, CallLimit
from pioreactor.web.security.identity import Identity

from .conftest import accepts
from .test_mcp_endpoint import agent_of

SEQUENCES = 300
HOSTILE = (
    *("", ".", "..", "../unit2", "unit1/../unit2", "unit2", "$broadcast", "a" * 5000),
    *("\x00", "unit1?x=1", "%2e%2e", "é\u202e", "unit1#"),
)
OPTIONS: tuple[dict[str, object], ...] = ({}, {"target_rpm": 1e9}, {"x": []})
TOOLS = (
    *("run_on_units", "update_on_units", "run_add_media", "start_dosing_automation", "change_temperature_automation"),
    *("reboot", "shutdown", "delete_experiment", "save_shared_config", "install_plugin", "acknowledge_alarms"),
    *("create_token", "people", "stop_on_units", "blink", "start_stirring", "change_stirring", "running_jobs"),
)
DIRECT: tuple[tuple[str, str, dict[str, object] | None], ...] = (
    ("POST", "/api/workers/unit1/jobs/run/job_name/add_media/experiments/exp", {"options": {"ml": 5}}),
    ("POST", "/api/units/unit1/system/reboot", {}),
    ("POST", "/unit_api/jobs/run/job_name/add_media", {}),
    ("DELETE", "/api/experiments/exp", None),
    ("POST", "/auth/tokens", {"name": "mine"}),
)


def test_no_sequence_reaches_another_unit_or_a_hazardous_act(leader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sequence is a call, the same call again, and now and then the API without the tools."""
    monkeypatch.setattr(in_process_requests, "MAX_CALLS_PER_MINUTE", 10_000)
    sent: list[Request] = []

    def record(request: Request) -> Response:
        if request.method != "GET":
            sent.append(request)
        return accepts(request)

    for unit in ("unit1", "unit2"):
        leader.add_host(unit, record)
    leader.add_workers("unit1", "unit2", experiment="exp")
    agent = agent_of(leader, role="operator", units=["unit1"], areas=["units"])
    rng = random.Random(20261129)
    faults: list[object] = []
    for _ in range(SEQUENCES):
        name = rng.choice(TOOLS)
        arguments = {"unit": rng.choice((*HOSTILE, *["unit1"] * 13)), "experiment": "exp", **rng.choice(OPTIONS)}
        arguments |= {"job": "stirring"} if name == "stop_on_units" else {}
        for _again in range(2):
            answer = agent.send("tools/call", {"name": name, "arguments": arguments})
            faults += [(name, arguments, answer.text)] if answer.status_code >= 500 else []
        method, path, body = rng.choice(DIRECT)
        if rng.random() < 0.1:
            status = agent.client.request(method, path, json=body).status_code
            faults += [] if status in (401, 403) else [(method, path, status)]
    assert faults == []
    assert {request.headers["X-Pioreactor-Target"] for request in sent} == {"unit1"}
    assert {request.path for request in sent} == {"/unit_api/jobs/run/job_name/stirring", "/unit_api/jobs/stop"}


def test_ten_thousand_calls_are_limited_by_the_minute_and_by_the_token() -> None:
    now_s = 60.0
    limit = CallLimit(seconds=lambda: now_s)

    def allowed(token: str) -> int:
        done = 0
        for _ in range(10_000):
            try:
                limit.check(Identity("token", "ana", token=token))
            except PioreactorError as error:
                assert error.status == 429
            else:
                done += 1
        return done

    assert (allowed("a"), allowed("b")) == (MAX_CALLS_PER_MINUTE, MAX_CALLS_PER_MINUTE)
    now_s += 60.0
    assert allowed("a") == MAX_CALLS_PER_MINUTE
