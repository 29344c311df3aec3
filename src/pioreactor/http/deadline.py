"""The moment until which a change that was sent to a unit may be made there.

A web server that was stopped for a while finds the requests of that time in its socket. Their senders have given up and
said so; what they asked for is not to be done then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

from pioreactor.exc import InvalidRequestError, PioreactorError

DEADLINE_HEADER: Final = "X-Pioreactor-Deadline"
"""Unix time [s] by the clock of the unit that receives the request."""
TIME_HEADER: Final = "X-Pioreactor-Time"
"""Unix time [s] of the unit, in an answer that refuses a request as expired."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_EXPIRED_STATUS: Final = 504


class ExpiredRequestError(PioreactorError):
    """A change arrived after the time that its sender waits for an answer; nothing was done."""

    code = "expired"
    status = _EXPIRED_STATUS
    remedy = "Send it again. If this repeats, compare the clocks of the units."

    def __init__(self, late_s: float, *, now_s: float) -> None:
        super().__init__(f"the request arrived {late_s:.3g} s after its deadline; nothing was done")
        self.headers = {TIME_HEADER: f"{now_s:.3f}"}


class _Answer(Protocol):
    @property
    def headers(self) -> Mapping[str, str]: ...


A = TypeVar("A", bound=_Answer)


def send_with_deadline(
    send: Callable[[dict[str, str]], A], method: str, *, timeout_s: float, now_s: Callable[[], float]
) -> A:
    """Send a request by `send(headers)`, with a deadline if it changes something.

    An answer that it has expired reaches a sender that still waits: the clocks differ, or connecting was slow. It is
    sent once more, by the clock of the unit.
    """
    if method in SAFE_METHODS:
        return send({})
    answer = send({DEADLINE_HEADER: f"{now_s() + timeout_s:.3f}"})
    there_s = answer.headers.get(TIME_HEADER.lower())
    if there_s is None:
        return answer
    return send({DEADLINE_HEADER: f"{float(there_s) + timeout_s:.3f}"})


def check_deadline(headers: Mapping[str, str], now_s: float) -> None:
    """Raise `ExpiredRequestError` for headers (names in lower case) of a request whose deadline has passed."""
    text = headers.get(DEADLINE_HEADER.lower())
    if text is None:
        return
    try:
        deadline_s = float(text)
    except ValueError:
        deadline_s = math.nan
    if not math.isfinite(deadline_s):
        raise InvalidRequestError(f"{DEADLINE_HEADER} is a Unix time in seconds, not {text[:40]!r}")
    if now_s > deadline_s:
        raise ExpiredRequestError(now_s - deadline_s, now_s=now_s)
