"""A subscription, as the act that ends it."""

from collections.abc import Callable


class Cancellable:
    """Ends something when cancelled; cancelling again is harmless."""

    __slots__ = ("_end",)

    def __init__(self, end: Callable[[], object]) -> None:
        self._end: Callable[[], object] | None = end

    def cancel(self) -> None:
        end, self._end = self._end, None
        if end is not None:
            end()
