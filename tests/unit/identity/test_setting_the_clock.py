"""The clock of the computer is set with systemd's commands."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from pioreactor.exc import InvalidRequestError
from pioreactor.identity.system_clock import ClockRefusedError, parse_moment, run, set_clock, synchronize

MOMENT = datetime(2026, 11, 29, 10, tzinfo=UTC)
OFF, ON = "set-ntp false", "set-ntp true"
SET = "set-time 2026-11-29 10:00:00 UTC"


class Systemd:
    def __init__(self, **refused: str) -> None:
        self.refused = refused
        self.done: list[str] = []

    def __call__(self, command: Sequence[str]) -> None:
        assert command[:2] == ["timedatectl", "--no-ask-password"]
        self.done.append(" ".join(command[2:]))
        if command[2] in self.refused:
            raise ClockRefusedError(f"the clock was not set: {self.refused[command[2]]}")


def test_the_time_service_is_stopped_while_the_clock_is_set() -> None:
    systemd = Systemd()
    set_clock(MOMENT, run=systemd)
    assert systemd.done == [OFF, SET, ON]


def test_the_time_service_runs_again_after_a_refusal() -> None:
    systemd = Systemd(**{"set-time": "Access denied"})
    with pytest.raises(ClockRefusedError, match="Access denied"):
        set_clock(MOMENT, run=systemd)
    assert systemd.done[-1] == ON


def test_a_computer_without_a_time_service() -> None:
    systemd = Systemd(**{"set-ntp": "Failed to set ntp: NTP not supported"})
    set_clock(MOMENT, run=systemd)
    assert systemd.done == [OFF, SET]
    with pytest.raises(ClockRefusedError) as refused:
        synchronize(run=systemd)
    assert "apt install chrony" in str(refused.value.remedy)


def test_a_worker_asks_its_server_at_once() -> None:
    systemd = Systemd()
    synchronize(run=systemd)
    assert systemd.done == [OFF, ON]


def test_times() -> None:
    assert parse_moment("2026-11-29T10:00:00Z") == MOMENT
    assert parse_moment("2026-11-29T11:00:00+01:00") == MOMENT
    assert parse_moment("2026-11-29T10:00") == MOMENT
    for text in ("", "noon", "2026-13-01"):
        with pytest.raises(InvalidRequestError):
            parse_moment(text)
    with pytest.raises(InvalidRequestError):
        set_clock(datetime(1970, 1, 1, tzinfo=UTC), run=Systemd())


def test_a_computer_without_systemd_says_what_to_do() -> None:
    with pytest.raises(ClockRefusedError) as refused:
        run(["a-program-that-is-not-there"])
    assert "date --utc" in str(refused.value.remedy)
    with pytest.raises(ClockRefusedError, match="no"):
        run(["sh", "-c", "echo no >&2; exit 1"])
