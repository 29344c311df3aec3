"""A clock that a test sets, in place of the module `time`."""


class FakeTime:
    """`now_s` is what the monotonic clock shows; the time of day is `epoch_s` later."""

    def __init__(self, now_s: float = 0.0, *, epoch_s: float = 0.0) -> None:
        self.now = now_s
        self._epoch_s = epoch_s

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self._epoch_s + self.now
