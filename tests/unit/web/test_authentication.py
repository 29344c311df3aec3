"""Authentication, and the body of errors."""

from typing import Any

import pytest

from pioreactor.web.security import people, sessions, tokens
from pioreactor.web.security.login_throttle import LoginThrottle
from pioreactor.web.security.passwords import generate_password, hash_password, verify_password


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
    assert client.get("/auth/me").json() == {"username": "pioreactor"}
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


def test_failed_sign_ins_are_throttled(leader: Any) -> None:
    leader.client.headers.pop("Authorization")
    body = {"username": "pioreactor", "password": "wrong"}
    statuses = [leader.client.post("/auth/sign-in", json=body).status_code for _ in range(9)]
    assert statuses == [401] * 8 + [429]

    right = leader.client.post("/auth/sign-in", json={"username": "pioreactor", "password": leader.password})
    assert right.status_code == 429
    assert "Wait" in right.json()["remediation"]


def test_throttle_is_reset_by_time_and_success() -> None:
    now = [0.0]
    attempts = LoginThrottle(seconds=lambda: now[0])
    for _ in range(8):
        attempts.begin("a")
    with pytest.raises(Exception, match="too many"):
        attempts.begin("a")
    attempts.begin("b")
    now[0] = 301.0
    attempts.begin("a")
    attempts.succeeded("a")
    for _ in range(8):
        attempts.begin("a")


def test_all_errors_have_the_same_body(leader: Any) -> None:
    client = leader.client
    not_found = client.get("/api/nowhere")
    assert not_found.status_code == 404
    assert not_found.json() == {
        "error": "not found: GET /api/nowhere",
        "status": 404,
        "cause": "not found: GET /api/nowhere",
        "code": "http",
    }
    assert client.patch("/api/models").status_code == 405

    malformed = client.post("/api/experiments", content=b"{")
    assert malformed.status_code == 400
    assert malformed.json()["remediation"]

    unknown = client.post("/api/experiments", json={"experiment": "x", "color": "red"})
    assert unknown.status_code == 400
    assert "color" in unknown.json()["cause"]

    missing = client.post("/api/experiments", json={})
    assert missing.status_code == 400
    assert "experiment" in missing.json()["cause"]

    too_large = client.post("/api/experiments", json={"experiment": "x", "description": "y" * 1_100_000})
    assert too_large.status_code == 413


def test_internal_errors_do_not_leak_details(leader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(type(leader.services.database.workers), "all", broken)
    answer = leader.client.get("/api/workers")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_security_headers_are_on_every_response(leader: Any) -> None:
    for path in ("/", "/api/health", "/api/nowhere", "/auth/me"):
        headers = leader.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        script = next(part for part in headers["content-security-policy"].split("; ") if part.startswith("script-src"))
        assert script == "script-src 'self'"


def test_the_ui_is_public_and_nothing_outside_of_its_folder(leader: Any) -> None:
    client = leader.client
    client.headers.pop("Authorization")
    page = client.get("/overview/some/page")
    assert page.status_code == 200
    assert "<title>Pioreactor" in page.text
    assert page.headers["cache-control"] == "no-cache"

    asset = client.get("/assets/app-1a2b.js")
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-type"].startswith("text/javascript")
    assert asset.headers["content-encoding"] == "gzip"
    assert client.get("/assets/gone.js").status_code == 404
    assert client.head("/").status_code == 200
    assert client.post("/").status_code == 404

    for path in ("/../leader.sqlite", "/%2e%2e/leader.sqlite", "/assets/%2e%2e/%2e%2e/leader.sqlite", "/%00"):
        assert not client.get(path).content.startswith(b"SQLite"), path


def test_password_hashes_verify() -> None:
    password = generate_password()
    stored = hash_password(password)
    assert verify_password(password, stored)
    assert not verify_password(password + "x", stored)
    assert not verify_password(password, "scrypt$nonsense")
    assert not verify_password("", "")
    assert hash_password(password) != stored


def test_the_first_person_is_added_once(leader: Any) -> None:
    database = leader.services.database
    assert people.ensure_first_person(database.people) is None
    assert people.check(database.people, "pioreactor", leader.password)
    assert not people.check(database.people, "pioreactor", "x")
    assert not people.check(database.people, "unknown", leader.password)


def test_the_token_is_generated_once_with_mode_0600(tmp_path: Any) -> None:
    folder = tmp_path / "secrets"
    assert tokens.read_token(folder) is None
    token = tokens.ensure_token(folder)
    assert len(token) > 30
    assert tokens.ensure_token(folder) == token == tokens.read_token(folder)
    assert (folder / tokens.FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
