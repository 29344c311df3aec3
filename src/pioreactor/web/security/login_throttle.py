"""How often sign-in may fail before it has to wait."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from pioreactor.web.problems import TooManyRequestsError

_ALLOWED = 8
_WITHIN_S = 300.0
_REMEMBERED = 4096


class LoginThrottle:
    """Counts failures per key (an address, a name); thread-safe, bounded. `seconds` is monotonic."""

    def __init__(self, *, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, *keys: str) -> None:
        """Count an attempt as failed until `succeeded`; refuse when there were too many lately.

        Counting first means that attempts made at the same time cannot slip past the limit together.
        """
        now = self._seconds()
        with self._lock:
            for key in keys:
                failures = self._failures.get(key)
                while failures and failures[0] <= now - _WITHIN_S:
                    failures.popleft()
                if failures and len(failures) >= _ALLOWED:
                    wait_s = int(failures[0] + _WITHIN_S - now) + 1
                    raise TooManyRequestsError(
                        "too many failed attempts to sign in", remedy=f"Wait {wait_s} s and try again."
                    )
            for key in keys:
                self._failures.setdefault(key, deque()).append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)
