"""Rate limit of failed sign-ins."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from pioreactor.web.problems import TooManyRequestsError

_MAX_FAILURES = 8
_WINDOW_S = 300.0
_MAX_KEYS = 4096


class LoginThrottle:
    """Counts failures per key (such as a client's address) in a sliding window of 5 min.

    Litestar's middleware limits requests per client and route; this limits failures only. Thread-safe and bounded;
    `seconds` is a monotonic clock [s].
    """

    def __init__(self, *, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, *keys: str) -> None:
        """Count an attempt as failed until `succeeded`; raise `TooManyRequestsError` above the limit.

        Attempts are counted before the password is checked so that concurrent ones cannot exceed the limit.
        """
        now = self._seconds()
        with self._lock:
            for key in keys:
                failures = self._failures.get(key)
                while failures and failures[0] <= now - _WINDOW_S:
                    failures.popleft()
                if failures and len(failures) >= _MAX_FAILURES:
                    wait_s = int(failures[0] + _WINDOW_S - now) + 1
                    raise TooManyRequestsError("too many failed sign-ins", remedy=f"Wait {wait_s} s and try again.")
            for key in keys:
                self._failures.setdefault(key, deque()).append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > _MAX_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        """Reset the count of each key."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)
