"""Blink patterns of the LED on the HAT, shown one at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from pioreactor.devices.ports import Indicator
from pioreactor.exc import PioreactorError

Step = tuple[bool, float]
"""Light or dark, and for how long [s]."""

OKAY: Final[tuple[Step, ...]] = ((True, 0.14), (False, 0.14), (True, 0.14), (False, 0.45)) * 4
MAX_CODE: Final = 20
MAX_QUEUE_LENGTH: Final = 4


def pattern_of_code(code: int) -> tuple[Step, ...]:
    """Return the pattern of an error code: one long blink, `code` short ones, and a pause."""
    return ((True, 2.0), (False, 0.25), *(((True, 0.25), (False, 0.25)) * code), (False, 5.0))


class Blinker:
    """Queue of patterns. A pattern that is shown or queued already is not added again."""

    def __init__(self, indicator: Indicator, later: Callable[[float, Callable[[], None]], object]) -> None:
        """`later` calls a function after a delay [s]."""
        self._indicator = indicator
        self._later = later
        self._queue: deque[tuple[Step, ...]] = deque()
        self._steps: deque[Step] = deque()
        self._shown: tuple[Step, ...] | None = None
        self._held = False

    def show(self, pattern: tuple[Step, ...]) -> None:
        """Show a pattern after those that are queued."""
        if pattern == self._shown or pattern in self._queue or len(self._queue) >= MAX_QUEUE_LENGTH:
            return
        self._queue.append(pattern)
        if self._shown is None:
            self._next_step()

    def hold(self, lit: bool) -> None:
        """Keep the LED lit while the button is held down; patterns continue invisibly."""
        self._held = lit
        self._write(lit)

    def dark(self) -> None:
        """Clear the queue and switch the LED off."""
        self._queue.clear()
        self._steps.clear()
        self._held = False
        self._write(False)

    def _next_step(self) -> None:
        if not self._steps:
            self._shown = self._queue.popleft() if self._queue else None
            if self._shown is None:
                return
            self._steps.extend(self._shown)
        lit, duration_s = self._steps.popleft()
        self._write(lit or self._held)
        self._later(duration_s, self._next_step)

    def _write(self, lit: bool) -> None:
        try:
            if lit:
                self._indicator.on()
            else:
                self._indicator.off()
        except (PioreactorError, OSError):
            # A failed blink must not stop the monitor; missing chips are reported by the health checks.
            return
