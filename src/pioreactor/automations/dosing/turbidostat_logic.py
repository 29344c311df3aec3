"""Control law of the turbidostat, free of I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass

HALF_BAND = 0.008
"""Doses are sized to keep the culture within ± this fraction of the target, if the pumps allow."""
MIN_DOSE_ML = 0.1
"""Smaller doses are dominated by the dead time and drops of a pump."""

MAX_RELATIVE_RISE = 0.025
"""A controlled culture does not grow further above its target [fraction of it] between two doses."""
CONFIRMED_AFTER_S = 120.0
"""Clusters of bubbles can look like a jump of biomass for a minute and a half."""


@dataclass(frozen=True)
class Exchange:
    """An exchange of media for culture [mL]."""

    volume_ml: float


@dataclass
class TurbidostatLogic:
    """Hysteresis control of biomass around a target, with small doses.

    The culture is diluted when it is half a dose above the target, down to half a dose below it, so that its mean, not
    its maximum, is the target. `max_exchange_ml` bounds one dose, not the volume dosed per hour.
    """

    target: float
    max_exchange_ml: float

    def dose_ml(self, vial_volume_ml: float, pump_gain: float) -> float:
        """Return the volume [mL] that spans the band, clipped to the minimum dose and the largest exchange."""
        spanning_ml = math.expm1(2 * HALF_BAND) * vial_volume_ml / pump_gain
        return min(max(spanning_ml, MIN_DOSE_ML), self.max_exchange_ml)

    def decide(self, biomass: float, vial_volume_ml: float, pump_gain: float = 1.0) -> Exchange | None:
        """Return the exchange that is due, if any; far above the target one that restores it, up to the bound.

        `biomass` is filtered, in the unit of the target; `pump_gain` is volume delivered over volume requested.
        """
        if not biomass > 0:
            return None
        default_ml = self.dose_ml(vial_volume_ml, pump_gain)
        half_step = 0.5 * pump_gain * default_ml / vial_volume_ml
        excess = math.log(biomass / self.target)
        if excess < half_step:
            return None
        needed_ml = math.expm1(excess + half_step) * vial_volume_ml / pump_gain
        return Exchange(min(max(needed_ml, default_ml), self.max_exchange_ml))


@dataclass
class Confirmation:
    """Confirmation of a jump of biomass over time, since an unnecessary large dose takes hours to grow back."""

    _target: float = math.nan
    _at_target_s: float = -math.inf
    """Time at which biomass was last near this target, or below it."""

    def is_awaited(self, biomass: float, target: float, now_s: float) -> bool:
        """Return whether biomass that recently was at its target must stay above it for longer."""
        if target != self._target:
            self._target, self._at_target_s = target, -math.inf
        if biomass <= target * (1.0 + MAX_RELATIVE_RISE):
            self._at_target_s = now_s
            return False
        return now_s - self._at_target_s < CONFIRMED_AFTER_S
