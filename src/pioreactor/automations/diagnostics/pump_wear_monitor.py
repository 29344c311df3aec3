"""Tells when a pump delivers less than when its calibration was new to an experiment: numbers in, a share out."""

from __future__ import annotations

import math

import msgspec

KNOWN_SD = 0.02
"""The first gain counts once it is so sure: after about eight hours of a turbidostat with the usual noise."""
WORN, WORN_SD = 0.06, 4.0
"""A loss of this share is told of, when it is so many standard deviations sure."""
MIN_SD = 0.012
SAME_LEVEL = 0.15
"""Gains are compared within so much of ln OD: light that is not proportional to density shows other doses elsewhere."""


class FirstGain(msgspec.Struct, frozen=True):
    """The pump's gain when it was first known with a calibration; it survives restarts."""

    calibration: str
    gain: float
    sd: float
    level: float
    """ln of filtered OD at which it was found."""
    is_told: bool = False


def judge(
    first: FirstGain | None, calibration: str, gain: float, sd: float, level: float
) -> tuple[FirstGain | None, float | None]:
    """Take in an estimate of the gain; return the gain to compare with from now on and, once, the share that is lost.

    The standard deviation of the difference of two estimates of one filter is the root of the difference of their
    variances: they share what they do not know.
    """
    if first is not None and first.calibration != calibration:
        first = None
    if first is None or abs(level - first.level) > SAME_LEVEL:
        if sd > KNOWN_SD or not gain > 0:
            return first, None
        return FirstGain(calibration, gain, sd, level, first is not None and first.is_told), None
    lost = 1 - gain / first.gain
    lost_sd = max(MIN_SD, math.sqrt(max(first.sd**2 - sd**2, 0.0)) / first.gain)
    if first.is_told or lost < max(WORN, WORN_SD * lost_sd):
        return first, None
    return msgspec.structs.replace(first, is_told=True), lost
