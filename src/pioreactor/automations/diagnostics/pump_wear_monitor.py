"""Detection of pump wear: a pump that delivers less than when its calibration was first used in an experiment."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from pioreactor.automations.diagnostics.ports import Finding, Observation, PumpGainEstimated
from pioreactor.storage.ports import KeyValues

REFERENCE_GAINS = "first_pump_gains"
"""Persistent cache of reference gains by experiment and pump."""
CHECK_EVERY_S = 60.0

MAX_REFERENCE_SD = 0.02
"""Largest standard deviation of a reference gain; a turbidostat reaches it after about eight hours."""
MIN_LOSS, MIN_LOSS_SD = 0.06, 4.0
"""A relative loss is reported from this value on, at this many standard deviations."""
MIN_SD = 0.012
MAX_LEVEL_DIFFERENCE = 0.15
"""Gains are compared within this range of ln OD, since scattered light is not proportional to density."""


class ReferenceGain(msgspec.Struct, frozen=True):
    """Gain of a pump when it was first known with a calibration; stored across restarts."""

    calibration: str
    gain: float
    sd: float
    level: float
    """ln of filtered OD at which it was estimated."""
    is_reported: bool = msgspec.field(default=False, name="is_told")
    """Stored as `is_told`."""


def compare_gain(
    first: ReferenceGain | None, calibration: str, gain: float, sd: float, level: float
) -> tuple[ReferenceGain | None, float | None]:
    """Return the reference gain to use from now on and, once, the relative loss of flow.

    The estimates of one filter share their error: the variance of their difference is the difference of their
    variances.
    """
    if first is not None and first.calibration != calibration:
        first = None
    if first is None or abs(level - first.level) > MAX_LEVEL_DIFFERENCE:
        if sd > MAX_REFERENCE_SD or not gain > 0:
            return first, None
        return ReferenceGain(calibration, gain, sd, level, first is not None and first.is_reported), None
    lost = 1 - gain / first.gain
    lost_sd = max(MIN_SD, math.sqrt(max(first.sd**2 - sd**2, 0.0)) / first.gain)
    if first.is_reported or lost < max(MIN_LOSS, MIN_LOSS_SD * lost_sd):
        return first, None
    return msgspec.structs.replace(first, is_reported=True), lost


class PumpWearMonitor:
    """Compares the gain of one pump with that of its first hours with a calibration. `gains` is a persistent cache."""

    name = "pump_wear"

    def __init__(
        self, pump: str, *, gains: KeyValues, key: tuple[str, str], calibration_name: Callable[[], str | None]
    ) -> None:
        self._pump = pump
        self._gains = gains
        self._key = key
        self._calibration_name = calibration_name
        self._checked_s = -math.inf

    def observe(self, observation: Observation) -> list[Finding]:
        if not isinstance(observation, PumpGainEstimated) or observation.at_s - self._checked_s < CHECK_EVERY_S:
            return []
        self._checked_s = observation.at_s
        calibration = self._calibration_name()
        if calibration is None:
            return []
        stored = self._load()
        reference, loss = compare_gain(stored, calibration, observation.gain, observation.sd, observation.log_od)
        if reference is not None and reference != stored:
            self._gains.set(self._key, msgspec.json.encode(reference).decode())
        if loss is None:
            return []
        return [
            Finding(
                f"The {self._pump} pump delivers about {100 * loss:.0f} % less than when calibration {calibration!r} "
                "was first used in this experiment; calibrate it again.",
                certainty="likely",
            )
        ]

    def reset(self) -> None:
        """Keep the reference: a person who checks the tubes does not calibrate the pump."""

    def _load(self) -> ReferenceGain | None:
        stored = self._gains.get(self._key)
        try:
            return msgspec.json.decode(stored, type=ReferenceGain) if isinstance(stored, str | bytes) else None
        except msgspec.DecodeError:
            return None  # A damaged entry is replaced by the next reference.
