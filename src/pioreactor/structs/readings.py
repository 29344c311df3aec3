"""Payloads of measurements: a value, its time, and its context."""

from datetime import datetime

import msgspec

from pioreactor.structs.encoding import JSONPrintedStruct
from pioreactor.types import PdAngle, PdChannel


class Voltage(JSONPrintedStruct):
    voltage: float
    timestamp: datetime


class GrowthRate(JSONPrintedStruct):
    """Implied growth rate [1/h]."""

    growth_rate: float
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
