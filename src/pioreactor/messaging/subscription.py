"""A handle that ends a subscription."""

from collections.abc import Callable


class Cancellable:
    """A handle that calls a function once, when it is canceled."""

    __slots__ = ("_end",)

    def __init__(self, end: Callable[[], object]) -> None:
        self._end: Callable[[], object] | None = end

    def cancel(self) -> None:
        """End the subscription. Idempotent."""
        end, self._end = self._end, None
        if end is not None:
            end()
