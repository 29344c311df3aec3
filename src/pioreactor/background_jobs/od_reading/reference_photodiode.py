"""Reference photodiode: relative intensity of the light source, and detection of noise."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median

from pioreactor.exc import HardwareError

NOISE_THRESHOLD = 0.025
"""Accepted relative noise of the reference at one reading every 5 s."""
MAX_DEVIATION = 2.0
"""A reading may differ from the median by so many times that noise."""
MEDIAN_OF = 5
"""Number of readings in the median."""
ALARM_OF = 10
NOISY_BEFORE_ALARM = 6
"""Noisy readings of the last ten that raise the alarm: a single one must not stop dosing."""
NOISY_WHEN_QUIET = 1
"""Noisy readings of the last ten at which the alarm ends."""


@dataclass
class Reference:
    """Relative intensity of the light source, by which signals are divided.

    `scale_volts` is the first reading of the experiment (`unity`) or 1 (`classic`), so that the divisor is relative.
    A reading far from the median is not used; if the next one agrees with it, the light has changed permanently.
    """

    scale_volts: float
    interval_s: float
    ema: float
    """Weight of earlier readings in the moving average, 0–1; 0 uses only the newest."""
    _level: float | None = field(default=None, init=False)
    _accepted: deque[float] = field(default_factory=lambda: deque(maxlen=MEDIAN_OF), init=False)
    _outlier: float | None = field(default=None, init=False)
    _was_noisy: deque[bool] = field(default_factory=lambda: deque(maxlen=ALARM_OF), init=False)
    is_alarming: bool = field(default=False, init=False)
    """Whether most of ten readings were noisy, and the reference has not been quiet since."""

    def update(self, volts: float) -> bool:
        """Update with one reading [V]; return False if it is too noisy and not used. Raise `HardwareError` if dark."""
        relative = volts / self.scale_volts
        if not relative > 0:
            raise HardwareError(
                f"the reference photodiode reads {volts:.4f} V with the IR LED on",
                remedy="Check that the IR LED is in its pocket and the reference photodiode is opposite to it.",
            )
        is_accepted = not self._accepted or self._agree(relative, median(self._accepted))
        self._record_noise(noisy=not is_accepted)
        if is_accepted:
            self._outlier = None
            self._accept(relative)
            return True
        if self._outlier is not None and self._agree(relative, self._outlier):
            self.restart()
            self._accept(relative)
            return True
        self._outlier = relative
        return False

    def restart(self) -> None:
        """Reset the level after the light was changed."""
        self._accepted.clear()
        self._outlier = self._level = None

    @property
    def relative_intensity(self) -> float:
        """Return the light relative to the scale; 1 before the first reading."""
        return 1.0 if self._level is None else self._level

    def _record_noise(self, *, noisy: bool) -> None:
        self._was_noisy.append(noisy)
        most = NOISY_WHEN_QUIET + 1 if self.is_alarming else NOISY_BEFORE_ALARM
        self.is_alarming = sum(self._was_noisy) >= most

    def _agree(self, one: float, other: float) -> bool:
        limit = MAX_DEVIATION * NOISE_THRESHOLD * math.sqrt(self.interval_s / 5.0)
        return abs(one - other) <= limit * other

    def _accept(self, relative: float) -> None:
        self._accepted.append(relative)
        before = self._level
        self._level = relative if before is None else (1 - self.ema) * relative + self.ema * before
