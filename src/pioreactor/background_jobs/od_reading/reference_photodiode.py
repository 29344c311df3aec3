"""What the reference photodiode says about the light source, and when it is too noisy to be believed."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median

from pioreactor.exc import HardwareError

NOISE_THRESHOLD = 0.025
"""Relative noise of the reference that is still believed, at one reading each 5 s (spec §3.2)."""
BELIEVED_WITHIN = 2.0
"""A reading may differ from the usual one by so many times that noise."""
USUAL_OF = 5
"""The usual reading is the median of so many."""
ALARM_OF = 10
NOISY_BEFORE_ALARM = 6
"""So many noisy readings of the last ten before others are told: one bad reading is no reason to stop dosing."""
NOISY_WHEN_QUIET = 1
"""No more than so many of the last ten, and the alarm is over."""


@dataclass
class Reference:
    """Divides signals by the light that made them.

    `scale_volts` is the first reading of the experiment (`unity`) or 1 (`classic`), so that the divisor is relative.
    A reading far from the usual one is not used; when the next one agrees with it, the light has changed for good.
    """

    scale_volts: float
    interval_s: float
    ema: float
    """Weight of the past, 0–1; 0 keeps only the newest reading."""
    _level: float | None = field(default=None, init=False)
    _believed: deque[float] = field(default_factory=lambda: deque(maxlen=USUAL_OF), init=False)
    _doubted: float | None = field(default=None, init=False)
    _was_noisy: deque[bool] = field(default_factory=lambda: deque(maxlen=ALARM_OF), init=False)
    is_alarming: bool = field(default=False, init=False)
    """Whether most of ten readings were noisy, and no ten have been quiet since."""

    def update(self, volts: float) -> bool:
        """Take one reading [V]; return False when it is too noisy and was not used. Raise `HardwareError` if dark."""
        relative = volts / self.scale_volts
        if not relative > 0:
            raise HardwareError(
                f"the reference photodiode reads {volts:.4f} V with the IR LED on",
                remedy="Check that the IR LED is in its pocket and the reference photodiode is opposite to it.",
            )
        is_usual = not self._believed or self._agree(relative, median(self._believed))
        self._note(noisy=not is_usual)
        if is_usual:
            self._doubted = None
            self._believe(relative)
            return True
        if self._doubted is not None and self._agree(relative, self._doubted):
            self.restart()
            self._believe(relative)
            return True
        self._doubted = relative
        return False

    def restart(self) -> None:
        """Forget the level: the light was changed."""
        self._believed.clear()
        self._doubted = self._level = None

    @property
    def relative_intensity(self) -> float:
        """Return the light relative to the scale; 1 before the first reading."""
        return 1.0 if self._level is None else self._level

    def _note(self, *, noisy: bool) -> None:
        self._was_noisy.append(noisy)
        most = NOISY_WHEN_QUIET + 1 if self.is_alarming else NOISY_BEFORE_ALARM
        self.is_alarming = sum(self._was_noisy) >= most

    def _agree(self, one: float, other: float) -> bool:
        limit = BELIEVED_WITHIN * NOISE_THRESHOLD * math.sqrt(self.interval_s / 5.0)
        return abs(one - other) <= limit * other

    def _believe(self, relative: float) -> None:
        self._believed.append(relative)
        before = self._level
        self._level = relative if before is None else (1 - self.ema) * relative + self.ema * before
