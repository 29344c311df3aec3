"""Requests of web pages: which origins may write with a token, and read answers."""

from typing import Any

import pytest
from tests.unit.web.conftest import AS_CLUSTER

from pioreactor.web.security.origins import Origins

HOST = "leader1.local:8080"
FOREIGN = (
    "http://evil.example",
    "null",
    "",
    "http://unit1.local:8081",
    "http://unit1.local.evil.example",
    "http://localhost.evil.example",
    "http://other.local",
    "file://localhost",
    "http://[",
    "http://unit1.local:port",
)
OURS = (
    f"http://{HOST}",
    "http://localhost",
    "http://localhost:3000",
    "http://127.0.0.1:8000",
    "http://unit1",
    "http://UNIT1.local",
    "http://10.0.0.7",
)


@pytest.mark.parametrize("origin", OURS)
def test_pages_of_the_cluster_and_of_this_computer_are_allowed(origin: str) -> None:
    assert Origins(lambda: ["unit1", "10.0.0.7"]).allows({"origin": origin, "host": HOST})


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_others_are_not(origin: str) -> None:
    assert not Origins(lambda: ["unit1", "10.0.0.7"]).allows({"origin": origin, "host": HOST})


def test_a_new_unit_is_known_after_half_a_minute() -> None:
    units, now_s = ["unit1"], [0.0]
    origins = Origins(lambda: list(units), seconds=lambda: now_s[0])
    headers = {"origin": "http://unit2.local", "host": HOST}
    assert not origins.allows(headers)
    units.append("unit2")
    assert not origins.allows(headers), "the list is kept, so that it is not read for each request"
    now_s[0] = 31.0
    assert origins.allows(headers)


@pytest.mark.parametrize("path", ["/api/experiments", "/unit_api/jobs/stop"])
def test_writes_of_foreign_pages_are_refused_even_with_a_token(leader: Any, path: str) -> None:
    body = {"experiment": "first"}
    refused = leader.client.post(path, json=body, headers={"Origin": "http://evil.example"})
    assert refused.status_code == 403
    assert "http://evil.example" in refused.json()["error"]
    assert leader.client.get("/api/experiments").json() == []
    for headers in ({}, {"Origin": "http://localhost:3000"}):
        assert leader.client.post(path, json=body, headers=headers).status_code in (201, 202, 409)


def test_a_session_is_of_this_server_only(leader: Any) -> None:
    """Cookies do not tell apart the ports of a computer, nor may another unit's page use a person's session."""
    leader.add_workers("unit1")
    leader.sign_in()
    for origin in ("http://localhost:3000", "http://unit1.local"):
        answer = leader.client.post("/api/experiments", json={"experiment": "first"}, headers={"Origin": origin})
        assert answer.status_code == 403, origin


def test_preflights_and_answers_name_the_allowed_origin(leader: Any) -> None:
    leader.add_workers("unit1")
    headers = {"Origin": "http://unit1.local", "Access-Control-Request-Method": "PATCH"}
    leader.client.headers.pop("Authorization")
    preflight = leader.client.options("/api/workers", headers=headers)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "http://unit1.local"
    assert "X-Pioreactor-Target" in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["access-control-max-age"] == "600"
    assert "access-control-allow-credentials" not in preflight.headers

    answer = leader.client.get("/api/workers", headers={**AS_CLUSTER, "Origin": "http://unit1.local"})
    assert answer.headers["access-control-allow-origin"] == "http://unit1.local"
    assert answer.headers["vary"] == "Origin"
    refused = leader.client.get("/api/workers", headers={"Origin": "http://unit1.local"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "http://unit1.local", "the page can read the reason"


def test_foreign_pages_get_no_permission_to_read(leader: Any) -> None:
    foreign = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PATCH"}
    for answer in (
        leader.client.options("/api/workers", headers=foreign),
        leader.client.get("/api/workers", headers={"Origin": "http://evil.example"}),
        leader.client.get("/api/workers"),
    ):
        assert "access-control-allow-origin" not in answer.headers
        assert "Origin" in answer.headers["vary"]
