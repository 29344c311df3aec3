"""Payloads of measurements: a value, its time, and its context."""

from datetime import datetime

import msgspec

from pioreactor.public_names import warn_deprecated
from pioreactor.structs.encoding import JSONPrintedStruct
from pioreactor.types import PdAngle, PdChannel


class Voltage(JSONPrintedStruct):
    voltage: float
    timestamp: datetime


class GrowthRate(JSONPrintedStruct):
    """Implied growth rate [1/h]."""

    growth_rate: float
    timestamp: datetime


class GrowthRateEstimate(JSONPrintedStruct):
    """Implied growth rate with its 95 % band [1/h], and what else the estimator infers from the readings."""

    growth_rate: float
    lower_95: float
    upper_95: float
    od_filtered: float
    pump_gain: float
    """Volume delivered over volume announced."""
    pump_gain_sd: float
    noise_cv: float
    """Standard deviation of the noise of a reading over the reading."""
    outlier: bool
    timestamp: datetime


class ODFiltered(JSONPrintedStruct):
    """Normalized, filtered optical density [AU]."""

    od_filtered: float
    timestamp: datetime


class ODFused(JSONPrintedStruct):
    od_fused: float
    timestamp: datetime


class KalmanFilterOutput(JSONPrintedStruct):
    state: list[float]
    covariance_matrix: list[list[float]]
    timestamp: datetime


class Temperature(JSONPrintedStruct):
    """Temperature of the liquid [°C]."""

    temperature: float
    timestamp: datetime


class BioreactorValue(JSONPrintedStruct):
    """Value of a variable of the vial, and when it took that value: at a dose, or at a correction."""

    timestamp: datetime
    value: float


def decode_bioreactor_value(payload: bytes | str) -> BioreactorValue | float:
    """Return the payload of a variable of the vial; earlier versions publish the bare number.

    Raises `msgspec.DecodeError` for any other payload.
    """
    return msgspec.json.decode(payload, type=BioreactorValue | float)


class PWMDutyCycles(JSONPrintedStruct):
    """Duty cycle of each PWM channel that is on [%], by channel."""

    timestamp: datetime
    channels: dict[str, float]


class MeasuredRPM(JSONPrintedStruct):
    measured_rpm: float
    timestamp: datetime


class RelativeIntensity(JSONPrintedStruct):
    """Output of the IR LED relative to the first reading of the experiment."""

    relative_intensity_of_ir_led: float
    timestamp: datetime


class ODReading(JSONPrintedStruct, kw_only=True, tag_field="calibrated", tag=0):
    """Reading of one channel before calibration: voltage relative to the reference photodiode."""

    timestamp: datetime
    angle: PdAngle
    od: float
    channel: PdChannel
    ir_led_intensity: float


class CalibratedODReading(ODReading, kw_only=True, tag_field="calibrated", tag=1):
    """Reading of one channel in the units of its calibration."""

    calibration_name: str


RawODReading = ODReading


class ODReadings(JSONPrintedStruct):
    """Readings of all channels at one time."""

    timestamp: datetime
    ods: dict[PdChannel, ODReading | CalibratedODReading] = msgspec.field(default_factory=dict)


class ODByChannel(dict[str, float]):
    """OD by photodiode channel. Where a number is expected it stands for its first channel, which is deprecated."""

    def __float__(self) -> float:
        warn_deprecated("latest_od as a number", "latest_od[channel], or latest_od_fused", stacklevel=4)
        return next(iter(self.values()))

    def __lt__(self, other: float) -> bool:
        return float(self) < other

    def __le__(self, other: float) -> bool:
        return float(self) <= other

    def __gt__(self, other: float) -> bool:
        return float(self) > other

    def __ge__(self, other: float) -> bool:
        return float(self) >= other

    def __add__(self, other: float) -> float:
        return float(self) + other

    def __sub__(self, other: float) -> float:
        return float(self) - other

    def __mul__(self, other: float) -> float:
        return float(self) * other

    def __truediv__(self, other: float) -> float:
        return float(self) / other

    def __rsub__(self, other: float) -> float:
        return other - float(self)

    def __rtruediv__(self, other: float) -> float:
        return other / float(self)

    __radd__ = __add__
    __rmul__ = __mul__

    def __round__(self, digits: int | None = None) -> float:
        return round(float(self), digits)

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else str(dict(self))
