"""The LED on the HAT as a language: patterns of light, one at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from pioreactor.devices.ports import Indicator
from pioreactor.exc import PioreactorError

Step = tuple[bool, float]
"""Light or dark, and for how long [s]."""

OKAY: Final[tuple[Step, ...]] = ((True, 0.14), (False, 0.14), (True, 0.14), (False, 0.45)) * 4
LARGEST_CODE: Final = 20
LONGEST_QUEUE: Final = 4


def pattern_of_code(code: int) -> tuple[Step, ...]:
    """Return a long light, as many short ones as the code says, and a pause to tell it from the next."""
    return ((True, 2.0), (False, 0.25), *(((True, 0.25), (False, 0.25)) * code), (False, 5.0))


class Blinker:
    """Shows patterns one after another. A pattern that is shown or waits already is not added again."""

    def __init__(self, indicator: Indicator, later: Callable[[float, Callable[[], None]], object]) -> None:
        """`later` runs something after a delay [s]: a job's own."""
        self._indicator = indicator
        self._later = later
        self._waiting: deque[tuple[Step, ...]] = deque()
        self._steps: deque[Step] = deque()
        self._shown: tuple[Step, ...] | None = None
        self._held = False

    def show(self, pattern: tuple[Step, ...]) -> None:
        """Show a pattern, after those that wait already."""
        if pattern == self._shown or pattern in self._waiting or len(self._waiting) >= LONGEST_QUEUE:
            return
        self._waiting.append(pattern)
        if self._shown is None:
            self._next_step()

    def hold(self, lit: bool) -> None:
        """Keep the LED lit while a button is held down; patterns go on unseen meanwhile."""
        self._held = lit
        self._write(lit)

    def dark(self) -> None:
        """Forget everything and switch off."""
        self._waiting.clear()
        self._steps.clear()
        self._held = False
        self._write(False)

    def _next_step(self) -> None:
        if not self._steps:
            self._shown = self._waiting.popleft() if self._waiting else None
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
            # A pattern that nobody sees must not cost the monitor anything else; missing chips are said elsewhere.
            return
