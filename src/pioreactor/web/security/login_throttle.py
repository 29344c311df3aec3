"""Rate limit of failed sign-ins."""

import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from pioreactor.web.problems import TooManyRequestsError

_WINDOW_S = 300.0
_MAX_PER_PAIR = 8
"""Failures of one name from one address."""
_MAX_PER_ADDRESS = 30
"""Several people can share an address, behind a router for example."""
_MAX_PER_NAME = 30
"""From all addresses."""
_MAX_CODES = 10
"""Wrong codes of one person in an hour: of a million codes three are valid at a time."""
_MAX_FAILURES = 4096


class _Failure(NamedTuple):
    time_s: float
    address: str
    name: str


class LoginThrottle:
    """Counts failures per address, per name and per pair of them in a sliding window, 5 min unless said otherwise.

    A success clears the failures of its pair only: with one account a person must not guess the passwords of others.
    Litestar's middleware limits requests per client and route; this limits failures only. Thread-safe and bounded;
    `seconds` is a monotonic clock [s].
    """

    def __init__(
        self,
        *,
        seconds: Callable[[], float],
        window_s: float = _WINDOW_S,
        max_per_pair: int = _MAX_PER_PAIR,
        max_per_name: int = _MAX_PER_NAME,
    ) -> None:
        self._seconds = seconds
        self._window_s, self._max_per_pair, self._max_per_name = window_s, max_per_pair, max_per_name
        self._failures: deque[_Failure] = deque(maxlen=_MAX_FAILURES)
        self._lock = threading.Lock()

    def begin(self, address: str, name: str) -> None:
        """Count an attempt as failed until `succeeded`; raise `TooManyRequestsError` above a limit.

        Attempts are counted before the password is checked so that concurrent ones cannot exceed the limit.
        """
        now = self._seconds()
        with self._lock:
            while self._failures and self._failures[0].time_s <= now - self._window_s:
                self._failures.popleft()
            of_address = [failure for failure in self._failures if failure.address == address]
            of_name = [failure for failure in self._failures if failure.name == name]
            of_pair = [failure for failure in of_address if failure.name == name]
            for failures, limit in (
                (of_pair, self._max_per_pair),
                (of_address, _MAX_PER_ADDRESS),
                (of_name, self._max_per_name),
            ):
                if len(failures) >= limit:
                    wait_s = int(failures[-limit].time_s + self._window_s - now) + 1
                    raise TooManyRequestsError("too many failed sign-ins", remedy=f"Wait {wait_s} s and try again.")
            self._failures.append(_Failure(now, address, name))

    @classmethod
    def of_codes(cls, *, seconds: Callable[[], float]) -> "LoginThrottle":
        """Return the throttle of codes with six digits: ten guesses of one name in an hour, from all addresses."""
        return cls(seconds=seconds, window_s=3600.0, max_per_pair=_MAX_CODES, max_per_name=_MAX_CODES)

    def succeeded(self, address: str, name: str) -> None:
        """Forget the failures of this name from this address."""
        with self._lock:
            kept = [failure for failure in self._failures if (failure.address, failure.name) != (address, name)]
            self._failures = deque(kept, maxlen=_MAX_FAILURES)
