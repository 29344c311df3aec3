"""Chooses how bright the IR LED shines, where it is left to us."""

from __future__ import annotations

from collections.abc import Mapping

from pioreactor.types import PdChannel

BRIGHTEST_CHOSEN = 85.0
DIMMEST_CHOSEN = 50.0
REFERENCE_VOLTS = 0.25
"""The reference photodiode needs no more than this."""
LARGEST_SIGNAL_VOLTS = 3.0
GROWTH = 50.0
"""A culture may scatter so many times as much as at the start before the converter's limit."""
WEARING = 90.0
"""Above this the LED ages fast."""


def choose_intensity(volts: Mapping[PdChannel, float], reference: PdChannel | None) -> float:
    """Return an intensity [%] from levels measured at `BRIGHTEST_CHOSEN`, dark offsets removed (spec §3.2).

    Only one signal beside a reference can be weighed; otherwise the LED is as bright as it may be.
    """
    signals = [level for channel, level in volts.items() if channel != reference]
    if reference is None or len(signals) != 1:
        return BRIGHTEST_CHOSEN
    limits = [BRIGHTEST_CHOSEN]
    if volts[reference] > 0:
        limits.append(REFERENCE_VOLTS * BRIGHTEST_CHOSEN / volts[reference])
    if signals[0] > 0:
        limits.append(LARGEST_SIGNAL_VOLTS / GROWTH * BRIGHTEST_CHOSEN / signals[0])
    return max(DIMMEST_CHOSEN, round(min(limits), 2))
