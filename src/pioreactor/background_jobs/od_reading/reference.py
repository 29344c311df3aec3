"""What the reference photodiode says about the light source, and when it is too noisy to be believed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pioreactor.exc import HardwareError

NOISE_THRESHOLD = 0.025
"""Relative noise of the reference that is still believed, at one reading each 5 s (spec §3.2)."""
NOISY_BEFORE_ALARM = 6
"""Consecutive noisy readings before others are told: one bad reading is no reason to stop dosing."""


@dataclass
class Reference:
    """Divides signals by the light that made them.

    `scale_volts` is the first reading of the experiment (`unity`) or 1 (`classic`), so that the divisor is relative.
    """

    scale_volts: float
    interval_s: float
    ema: float
    """Weight of the past, 0–1; 0 keeps only the newest reading."""
    _level: float | None = field(default=None, init=False)
    _baseline: float | None = field(default=None, init=False)
    _power: float = field(default=0.001**2, init=False)
    noisy_in_a_row: int = field(default=0, init=False)

    def update(self, volts: float) -> bool:
        """Take one reading [V]; return False when it is too noisy and was not used. Raise `HardwareError` if dark."""
        relative = volts / self.scale_volts
        if relative <= 0:
            raise HardwareError(
                f"the reference photodiode reads {volts:.4f} V with the IR LED on",
                remedy="Check that the IR LED is in its pocket and the reference photodiode is opposite to it.",
            )
        if not self._is_quiet(relative):
            self.noisy_in_a_row += 1
            self._baseline, self._power = None, 0.001**2
            return self._level is None and self._accept(relative)
        self.noisy_in_a_row = 0
        return self._accept(relative)

    def _is_quiet(self, relative: float) -> bool:
        if self._baseline is None:
            self._baseline = relative
            return True
        residual = relative - self._baseline
        self._baseline = 0.2 * relative + 0.8 * self._baseline
        self._power = 0.05 * residual**2 + 0.95 * self._power
        return math.sqrt(self._power) <= NOISE_THRESHOLD * math.sqrt(self.interval_s / 5.0)

    def _accept(self, relative: float) -> bool:
        self._level = relative if self._level is None else (1 - self.ema) * relative + self.ema * self._level
        return True

    @property
    def relative_intensity(self) -> float:
        """Return the light relative to the scale; 1 before the first reading."""
        return 1.0 if self._level is None else self._level
