"""Error responses."""

from typing import Any

import pytest


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
