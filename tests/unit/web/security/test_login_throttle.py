"""The limit on failed sign-ins."""

from typing import Any

import pytest

from pioreactor.web.problems import TooManyRequestsError
from pioreactor.web.security.login_throttle import LoginThrottle


class Attempts:
    """A throttle whose time is set by the test."""

    def __init__(self) -> None:
        self.now = 0.0
        self.throttle = LoginThrottle(seconds=lambda: self.now)

    def fail(self, address: str, name: str) -> bool:
        """Fail to sign in once; return whether the attempt was let through."""
        try:
            self.throttle.begin(address, name)
        except TooManyRequestsError:
            return False
        return True

    def succeed(self, address: str, name: str) -> None:
        self.throttle.begin(address, name)
        self.throttle.succeeded(address, name)


def test_failed_sign_ins_are_throttled(leader: Any) -> None:
    leader.client.headers.pop("Authorization")
    body = {"username": "pioreactor", "password": "wrong"}
    statuses = [leader.client.post("/auth/sign-in", json=body).status_code for _ in range(9)]
    assert statuses == [401] * 8 + [429]

    right = leader.client.post("/auth/sign-in", json={"username": "pioreactor", "password": leader.password})
    assert right.status_code == 429
    assert "Wait" in right.json()["remediation"]


def test_throttle_is_reset_by_time_and_success() -> None:
    attempts = Attempts()
    assert [attempts.fail("a", "anna") for _ in range(9)] == [True] * 8 + [False]
    assert attempts.fail("b", "anna")
    assert attempts.fail("a", "ben")
    attempts.now = 301.0
    attempts.succeed("a", "anna")
    assert [attempts.fail("a", "anna") for _ in range(9)] == [True] * 8 + [False]


@pytest.mark.parametrize(
    "guesses",
    [
        pytest.param([(f"10.0.0.{n}", "anna") for n in range(100)], id="one name from many addresses"),
        pytest.param([("10.0.0.1", f"person{n}") for n in range(100)], id="many names from one address"),
    ],
)
def test_guesses_are_limited_by_name_and_by_address(guesses: list[tuple[str, str]]) -> None:
    attempts = Attempts()
    assert [attempts.fail(*guess) for guess in guesses] == [True] * 30 + [False] * 70


def test_a_success_of_ones_own_does_not_allow_further_guesses_of_others() -> None:
    attempts = Attempts()
    guessed = 0
    for _ in range(100):
        guessed += attempts.fail("a", "anna")
        if guessed < 30:
            attempts.succeed("a", "mallory")
    assert guessed == 8


def test_a_success_clears_its_pair_only() -> None:
    attempts = Attempts()
    for address in ("a", "b"):
        for _ in range(7):
            attempts.fail(address, "anna")
    attempts.succeed("a", "anna")
    assert [attempts.fail("a", "anna") for _ in range(8)] == [True] * 8
    assert [attempts.fail("b", "anna") for _ in range(2)] == [True, False]


def test_failures_of_others_behind_the_same_address_do_not_lock_a_person_out() -> None:
    attempts = Attempts()
    for _ in range(20):
        attempts.fail("router", "anna")
    attempts.succeed("router", "ben")
