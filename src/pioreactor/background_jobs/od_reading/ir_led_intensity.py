"""Choice of the intensity of the IR LED for `ir_led_intensity=auto`."""

from __future__ import annotations

from collections.abc import Mapping

from pioreactor.types import PdChannel

MAX_CHOSEN = 85.0
MIN_CHOSEN = 50.0
REFERENCE_VOLTS = 0.25
"""Sufficient signal of the reference photodiode [V]."""
MAX_SIGNAL_VOLTS = 3.0
GROWTH = 50.0
"""Factor by which the signal may grow before it reaches the limit of the converter."""
WEAR_LIMIT = 90.0
"""Above this intensity the LED ages fast [%]."""


def choose_intensity(volts: Mapping[PdChannel, float], reference: PdChannel | None) -> float:
    """Return an intensity [%] from levels measured at `MAX_CHOSEN`, dark offsets removed.

    Only a single signal with a reference can be optimized; otherwise the intensity is `MAX_CHOSEN`.
    """
    signals = [level for channel, level in volts.items() if channel != reference]
    if reference is None or len(signals) != 1:
        return MAX_CHOSEN
    limits = [MAX_CHOSEN]
    if volts[reference] > 0:
        limits.append(REFERENCE_VOLTS * MAX_CHOSEN / volts[reference])
    if signals[0] > 0:
        limits.append(MAX_SIGNAL_VOLTS / GROWTH * MAX_CHOSEN / signals[0])
    return max(MIN_CHOSEN, round(min(limits), 2))
