"""Bodies and addresses that are made to break a decoder are answered with 4xx, and the server keeps running."""

from typing import Any

import pytest

DEEP_JSON = "[" * 10_000 + "]" * 10_000
HEAD = 'version: "1.0"\nexperiment_profile_name: trial\n'


def test_deep_json_is_refused_before_sign_in(leader: Any) -> None:
    leader.client.headers.pop("Authorization")
    for body in (DEEP_JSON, '{"username":' * 10_000, '{"username": ' + DEEP_JSON + ', "password": "x"}'):
        answer = leader.client.post("/auth/sign-in", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/experiment_profiles/verify"),
        ("POST", "/api/experiments"),
        ("PATCH", "/unit_api/jobs/stop"),
        ("POST", "/unit_api/jobs/run/job_name/stirring"),
        ("PATCH", "/api/workers/leader1/jobs/update/job_name/stirring/experiments/x"),
    ],
)
def test_deep_json_is_refused_everywhere(leader: Any, method: str, path: str) -> None:
    if path.startswith("/auth/"):
        leader.sign_in()
        leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    for body in (DEEP_JSON, '{"settings": {"a": ' + DEEP_JSON + "}}"):
        answer = leader.client.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, (method, path, answer.text)


def test_deep_json_is_refused_of_signed_in_people(leader: Any) -> None:
    leader.sign_in()
    headers = {"Content-Type": "application/json", "Origin": str(leader.client.base_url).rstrip("/")}
    for method, path in (("PUT", "/auth/people"), ("PATCH", "/auth/password"), ("POST", "/auth/tokens")):
        answer = leader.client.request(method, path, content=DEEP_JSON, headers=headers)
        assert answer.status_code == 400, (method, path, answer.text)


@pytest.mark.parametrize("body", ["- " * 30_000, "[" * 50_000, HEAD + "inputs: " + "{a: " * 30_000])
def test_deep_yaml_does_not_end_the_server(leader: Any, body: str) -> None:
    answer = leader.client.post("/api/experiment_profiles/verify", json={"body": body})
    assert answer.status_code == 200
    assert not answer.json()["ok"]
    assert "nested more than 100 deep" in answer.json()["diagnostics"][0]["message"]
    created = leader.client.post("/api/experiment_profiles", json={"filename": "deep.yaml", "body": body})
    assert created.status_code == 400
    calibration = leader.client.post("/unit_api/calibrations/od90", json={"calibration_data": body})
    assert calibration.status_code in (400, 422), calibration.text
    assert leader.client.get("/api/health").status_code == 200


def test_an_alias_bomb_is_refused(leader: Any) -> None:
    lists = "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    body = f"{HEAD}inputs:\n  a0: &a0 [x, x, x]\n{lists}"
    answer = leader.client.post("/api/experiment_profiles/verify", json={"body": body})
    assert "aliases expanded" in answer.json()["diagnostics"][0]["message"]


@pytest.mark.parametrize("expression", ["(" * 20_000 + "1" + ")" * 20_000, "-" * 20_000 + "1", "not " * 20_000 + "1"])
def test_a_deep_expression_is_a_diagnostic(leader: Any, expression: str) -> None:
    body = (
        f"{HEAD}common:\n  jobs:\n    stirring:\n      actions:\n        - {{type: start, t: 0, if: '{expression}'}}\n"
    )
    answer = leader.client.post("/api/experiment_profiles/verify", json={"body": body})
    assert answer.status_code == 200, answer.text
    assert not answer.json()["ok"]
