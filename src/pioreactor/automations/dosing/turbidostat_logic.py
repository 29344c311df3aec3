"""The turbidostat's rule: plain numbers in, a dose out."""

from __future__ import annotations

import math
from dataclasses import dataclass

HALF_BAND = 0.008
"""Where the pumps allow, doses are sized to keep the culture within ± this part of the target."""
SMALLEST_DOSE_ML = 0.1
"""Below this, dead time and drops of a pump are a large part of a dose."""

SURPRISING = 0.025
"""A culture that is held does not grow so far above its target [part of it] between two doses."""
CONFIRMED_AFTER_S = 120.0
"""A cluster of bubbles can pass for a jump of biomass for a minute and a half."""


@dataclass(frozen=True)
class Exchange:
    """Exchange this much [mL]."""

    volume_ml: float


@dataclass
class TurbidostatLogic:
    """Keeps biomass centred on a target by doses as small as is sensible.

    The culture is diluted when it is half a dose above the target, down to half a dose below it: its mean is the
    target, not its maximum (estimation.md §3.1). `max_exchange_ml` bounds one dose, not what is dosed per hour.
    """

    target: float
    max_exchange_ml: float

    def dose_ml(self, vial_volume_ml: float, pump_gain: float) -> float:
        """Return the volume that spans the band, between the smallest sensible one and the largest allowed [mL]."""
        spanning_ml = math.expm1(2 * HALF_BAND) * vial_volume_ml / pump_gain
        return min(max(spanning_ml, SMALLEST_DOSE_ML), self.max_exchange_ml)

    def decide(self, biomass: float, vial_volume_ml: float, pump_gain: float = 1.0) -> Exchange | None:
        """Return the exchange that is due, if any; far above the target as much as brings it back, up to the bound.

        `biomass` is filtered, in the unit of the target; `pump_gain` is volume delivered over volume announced.
        """
        if not biomass > 0:
            return None
        usual_ml = self.dose_ml(vial_volume_ml, pump_gain)
        half_step = 0.5 * pump_gain * usual_ml / vial_volume_ml
        excess = math.log(biomass / self.target)
        if excess < half_step:
            return None
        wanted_ml = math.expm1(excess + half_step) * vial_volume_ml / pump_gain
        return Exchange(min(max(wanted_ml, usual_ml), self.max_exchange_ml))


@dataclass
class Confirmation:
    """Makes sure that a jump of biomass is there to stay: what a large dose takes away is slow to return."""

    _target: float = math.nan
    _held_s: float = -math.inf
    """When biomass was last near this target, or below it."""

    def is_awaited(self, biomass: float, target: float, now_s: float) -> bool:
        """Say whether biomass that was at its target just now must be seen above it for longer."""
        if target != self._target:
            self._target, self._held_s = target, -math.inf
        if biomass <= target * (1.0 + SURPRISING):
            self._held_s = now_s
            return False
        return now_s - self._held_s < CONFIRMED_AFTER_S
