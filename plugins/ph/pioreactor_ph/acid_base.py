"""Acid and base in a buffered culture: the twin of a pH probe."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

PKA = 7.2
"""Of dihydrogen phosphate, the buffer of most media."""
WATER_MM2 = 1e-8
"""Ion product of water [mM²]."""
MIXING_S, ELECTRODE_S = 20.0, 15.0


def alkalinity_of(ph: float, buffer_mm: float) -> float:
    """Return the strong base that a phosphate buffer holds at a pH, beyond its first proton [mM]."""
    hydrogen_mm = 10 ** (3 - ph)
    return buffer_mm / (1 + 10 ** (PKA - ph)) + WATER_MM2 / hydrogen_mm - hydrogen_mm


def ph_of(alkalinity_mm: float, buffer_mm: float) -> float:
    """Return the pH at which charges balance, between 0 and 14."""
    low, high = 0.0, 14.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if alkalinity_of(middle, buffer_mm) < alkalinity_mm else (low, middle)
    return (low + high) / 2


@dataclass
class BufferedCulture:
    """A vial in which cells make acid, fed with medium of the first pH, and with base from the alternative bottle.

    Waste leaves only above the first level. What a pump adds mixes in over `MIXING_S`, and the electrode follows over
    `ELECTRODE_S`.
    """

    volume_ml: float
    ph: float = 7.0
    acid_mm_per_h: float = 4.0
    base_mm: float = 100.0
    buffer_mm: float = 20.0
    shown_ph: float = field(init=False)
    _efflux_ml: float = field(init=False)
    _medium_mm: float = field(init=False)
    _alkalinity_mm: float = field(init=False)
    _unmixed_umol: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.shown_ph, self._efflux_ml = self.ph, self.volume_ml
        self._alkalinity_mm = self._medium_mm = alkalinity_of(self.ph, self.buffer_mm)

    def on_dose(self, event: str, volume_ml: float) -> None:
        """Take what a pump has moved."""
        if event == "remove_waste":
            self.volume_ml = max(self._efflux_ml, self.volume_ml - volume_ml)
            return
        added_mm = self._medium_mm + (self.base_mm if event == "add_alt_media" else 0.0)
        self._unmixed_umol += (added_mm - self._alkalinity_mm) * volume_ml
        self.volume_ml += volume_ml

    def advance(self, duration_s: float) -> None:
        """Let time pass."""
        mixed_umol = self._unmixed_umol * -math.expm1(-duration_s / MIXING_S)
        self._unmixed_umol -= mixed_umol
        self._alkalinity_mm += mixed_umol / self.volume_ml - self.acid_mm_per_h * duration_s / 3600.0
        self.ph = ph_of(self._alkalinity_mm, self.buffer_mm)
        self.shown_ph += (self.ph - self.shown_ph) * -math.expm1(-duration_s / ELECTRODE_S)
