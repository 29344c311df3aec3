"""The limit on failed sign-ins."""

from typing import Any

import pytest

from pioreactor.web.security.login_throttle import LoginThrottle


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
