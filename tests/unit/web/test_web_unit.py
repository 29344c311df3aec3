"""A unit's own API, asked over HTTP."""

from typing import Any


def test_health_is_open_and_the_rest_is_locked(worker: Any) -> None:
    worker.headers.pop("Authorization")

    assert worker.get("/unit_api/health").json()["pioreactor_unit"] == "unit1"
    for path in ("/unit_api/jobs", "/unit_api/nowhere", "/unit_api/config/merged", "/api/workers", "/"):
        answer = worker.get(path)
        assert answer.status_code == 401, path
        assert answer.json()["error"] == "sign in first"
