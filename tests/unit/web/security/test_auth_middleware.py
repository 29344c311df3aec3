"""Authentication of requests by session or token."""

import time
from typing import Any

import pytest

from pioreactor.identity import sessions

NO_LIMITS = {"role": "manager", "units": None, "experiments": None, "areas": None, "is_agent": False, "budget": None}


def test_every_path_requires_authentication(leader: Any) -> None:
    client = leader.client
    client.headers.pop("Authorization")
    for method, path in [
        ("GET", "/api/workers"),
        ("GET", "/api/nowhere"),
        ("GET", "/unit_api/jobs"),
        ("GET", "/api/schema/openapi.json"),
        ("GET", "/auth/me"),
        ("POST", "/api/experiments"),
        ("GET", "/mcp/"),
        ("GET", "/exports/x.zip"),
        ("GET", "/api/../api/workers"),
        ("GET", "//api/workers"),
    ]:
        answer = client.request(method, path)
        assert answer.status_code == 401 or "<!doctype html>" in answer.text, (path, answer.text)

    assert client.get("/api/health").json()["status"] == "ok"
    assert client.get("/unit_api/health").status_code == 200

    leader.sign_in()
    assert client.get("/auth/me").json() == {"username": "pioreactor", "kind": "person", "rights": NO_LIMITS}
    assert client.get("/api/workers").json() == []


def test_session_cookie_is_http_only_and_same_site(leader: Any) -> None:
    body = {"username": "pioreactor", "password": leader.password}
    cookie = leader.client.post("/auth/sign-in", json=body).headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert leader.password not in cookie


def test_cross_site_changes_with_a_cookie_are_refused(leader: Any) -> None:
    leader.sign_in()
    body = {"experiment": "first"}

    for origin in (None, "http://evil.example", "null", "http://testserver.local.evil.example"):
        headers = {"Origin": origin} if origin is not None else {}
        answer = leader.client.post("/api/experiments", json=body, headers=headers)
        assert answer.status_code == 403, origin
        assert answer.json()["code"] == "not_permitted"
        said = answer.json()["error"]
        assert ("lacks" in said) if origin is None else (origin in said)
        assert "pio tokens create" in answer.json()["remediation"]
        assert "Authorization: Bearer" in answer.json()["remediation"]

    own = {"Origin": str(leader.client.base_url).rstrip("/")}
    assert leader.client.post("/api/experiments", json=body, headers=own).status_code == 201


def test_sign_out_invalidates_the_cookie(leader: Any) -> None:
    leader.sign_in()
    kept = leader.client.cookies[sessions.COOKIE]
    own = {"Origin": str(leader.client.base_url).rstrip("/")}
    assert leader.client.post("/auth/sign-out", headers=own).status_code == 200

    leader.client.cookies.clear()
    answer = leader.client.get("/api/workers", headers={"Cookie": f"{sessions.COOKIE}={kept}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer wrong", "Basic the-token-of-the-cluster"])
def test_a_wrong_token_is_refused(worker: Any, header: str) -> None:
    worker.headers["Authorization"] = header
    assert worker.get("/unit_api/jobs").status_code == 401


def test_a_write_for_another_unit_is_refused_before_anything_is_done(worker: Any, unit: Any) -> None:
    path = "/unit_api/jobs/run/job_name/stirring"
    for method in ("PATCH", "POST"):
        refused = worker.request(method, path, headers={"X-Pioreactor-Target": "unit9"})
        assert (refused.status_code, refused.json()["code"]) == (409, "misaddressed")
        of_other = {"X-Pioreactor-Target": "unit9", "Authorization": "Bearer the-token-of-unit9"}
        assert worker.request(method, path, headers=of_other).status_code == 409
    assert unit.launcher._started_at == {}
    assert worker.get("/unit_api/jobs", headers={"X-Pioreactor-Target": "unit9"}).status_code == 200
    assert worker.patch(path, headers={"X-Pioreactor-Target": "unit1"}).status_code == 202


def test_a_write_after_its_deadline_is_refused_before_anything_is_done(worker: Any, unit: Any) -> None:
    path = "/unit_api/jobs/run/job_name/stirring"
    for method in ("PATCH", "POST"):
        refused = worker.request(method, path, headers={"X-Pioreactor-Deadline": f"{time.time() - 0.5:.3f}"})
        assert (refused.status_code, refused.json()["code"]) == (504, "expired")
        assert abs(float(refused.headers["X-Pioreactor-Time"]) - time.time()) < 60
    assert worker.patch(path, headers={"X-Pioreactor-Deadline": "soon"}).status_code == 400
    assert unit.launcher._started_at == {}
    assert worker.get("/unit_api/jobs", headers={"X-Pioreactor-Deadline": "1"}).status_code == 200
    assert worker.patch(path, headers={"X-Pioreactor-Deadline": f"{time.time() + 60:.3f}"}).status_code == 202
