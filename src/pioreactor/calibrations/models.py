"""Calibrations: a curve from a known quantity (x) to a measured one (y), how it was made, and its file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal, cast

from msgspec import Meta, Struct, StructMeta, convert

from pioreactor.calibrations import fit_quality
from pioreactor.calibrations.curves import CurveData
from pioreactor.exc import CalibrationError, UnusableCalibrationError
from pioreactor.public_names import FormerName, warn_deprecated
from pioreactor.runtime import context
from pioreactor.runtime.artifact_store import ArtifactStore
from pioreactor.science.curves import NoSolutionError, check_invertible, invert
from pioreactor.structs.encoding import from_timestamp
from pioreactor.structs.tagged import from_tagged
from pioreactor.types import PdAngle, PdChannel

DECIMALS = 10
"""Values of a curve are rounded to this many decimals, so that they print alike everywhere."""


class _CalibrationType(StructMeta):
    """Metaclass that constructs calibrations from former arguments, too: a curve as a list beside `curve_type`."""

    def __call__(self, *args: object, **values: object) -> object:
        curve = values.get("curve_data_")
        if "curve_type" in values or isinstance(curve, list):
            warn_deprecated(f"{self.__name__}(curve_type=…)", "curve_data_=structs.PolyFitCoefficients(coefficients=…)")
            values = cast(dict[str, object], in_present_form({"curve_type": "poly", **values}))
            curve = values["curve_data_"]
            if isinstance(curve, dict):
                placeholder = {} if curve["coefficients"] else {"coefficients": [0.0]}  # fitted later by its protocol
                values["curve_data_"] = convert({**curve, **placeholder}, CurveData)
        return super().__call__(*args, **values)


class CalibrationBase(Struct, tag_field="calibration_type", kw_only=True, metaclass=_CalibrationType):
    """The base of all calibrations. Plugins add a type by subclassing it with a tag of their own."""

    calibration_name: str
    calibrated_on_pioreactor_unit: str
    created_at: Annotated[datetime, Meta(tz=True)]
    curve_data_: CurveData
    x: str
    y: str
    recorded_data: dict[Literal["x", "y"], list[float]]

    predict = FormerName("x_to_y")
    ipredict = FormerName("y_to_x")
    name = FormerName("calibration_name")
    pioreactor_unit = FormerName("calibrated_on_pioreactor_unit")

    def __post_init__(self) -> None:
        recorded = self.recorded_data
        if len(recorded.get("x", ())) != len(recorded.get("y", ())):
            raise ValueError("recorded_data must have as many x as y values")

    @property
    def curve_type(self) -> str:
        """Return the kind of the curve, as `poly`; former name."""
        warn_deprecated(f"{type(self).__name__}.curve_type", "curve_data_")
        return cast(str, self.curve_data_.__struct_config__.tag)

    @property
    def calibration_type(self) -> str:
        """Return the tag of its type."""
        return cast(str, type(self).__struct_config__.tag)

    @property
    def recorded_range(self) -> tuple[float, float]:
        """Return the smallest and largest recorded x; (-inf, inf) without recorded data."""
        recorded = self.recorded_data.get("x", [])
        return (min(recorded), max(recorded)) if recorded else (-float("inf"), float("inf"))

    def x_to_y(self, x: float) -> float:
        """Return the curve's value at x."""
        return round(self.curve_data_.curve.evaluate(x), DECIMALS)

    def y_to_x(self, y: float, enforce_bounds: bool = False) -> float:
        """Return the x whose value is y: the smallest within the recorded range, otherwise the closest to it.

        Raise `NoSolutionError` if the curve never reaches y; with `enforce_bounds`, `BelowDomainError` or
        `AboveDomainError` instead of an x outside the recorded range.
        """
        low, high = self.recorded_range
        return invert(self.curve_data_.curve, y, low=low, high=high, enforce_bounds=enforce_bounds)

    def save_to_disk_for_device(self, device: str) -> str:
        """Save this calibration on the current unit; return the path of its file."""
        runtime = context.current()
        files.save(runtime, device, self)
        return str(runtime.paths.calibrations / device / f"{self.calibration_name}.yaml")

    def set_as_active_calibration_for_device(self, device: str) -> None:
        """Save this calibration on the current unit unless it is saved already, and make it active."""
        runtime = context.current()
        if self.calibration_name not in files.names(runtime, device):
            files.save(runtime, device, self)
        files.set_active(runtime, device, self.calibration_name)

    def remove_as_active_calibration_for_device(self, device: str) -> None:
        """Make it inactive; another active calibration is not changed."""
        runtime = context.current()
        if files.active_name(runtime, device) == self.calibration_name:
            files.set_active(runtime, device, None)

    def is_active(self, device: str) -> bool:
        """Return whether it is the active calibration of a device of the current unit."""
        return files.active_name(context.current(), device) == self.calibration_name


class ODCalibration(CalibrationBase, kw_only=True, tag="od"):
    """Optical density of a standard → photodiode voltage relative to the reference.

    Holds at one intensity of the IR LED [%] and one stirring speed [RPM], None if it was not recorded.
    """

    ir_led_intensity: float
    angle: PdAngle
    pd_channel: PdChannel
    rpm: float | None = None
    x: str = "OD"
    y: str = "Voltage"


class OD600Calibration(ODCalibration, kw_only=True, tag="od600"):
    """As `od`, with OD600 of a spectrophotometer as x."""

    x: str = "OD600"


class SimplePeristalticPump(CalibrationBase, kw_only=True, tag="simple_peristaltic_pump"):
    """Run time of a pump [s] → volume [mL], at one PWM frequency [Hz], duty cycle [%] and supply voltage [V]."""

    hz: Annotated[float, Meta(ge=0)]
    dc: Annotated[float, Meta(ge=0)]
    voltage: float
    x: str = "Duration"
    y: str = "Volume"

    def ml_to_duration(self, ml: float) -> float:
        """Return the run time [s] that moves a volume [mL]."""
        return self.y_to_x(ml)

    def duration_to_ml(self, duration: float) -> float:
        """Return the volume [mL] that a run time [s] moves."""
        return self.x_to_y(duration)

    @property
    def duration_(self) -> float:
        """Return the slope of a line [mL/s]; former name of a coefficient of `curve_data_`."""
        warn_deprecated("SimplePeristalticPump.duration_", "curve_data_")
        return self.x_to_y(1.0) - self.x_to_y(0.0)

    @property
    def bias_(self) -> float:
        """Return the value of the curve at 0 s [mL]; former name of a coefficient of `curve_data_`."""
        warn_deprecated("SimplePeristalticPump.bias_", "curve_data_")
        return self.x_to_y(0.0)


class SimpleStirringCalibration(CalibrationBase, kw_only=True, tag="simple_stirring"):
    """Duty cycle of the stirring motor [%] → revolutions per minute."""

    pwm_hz: Annotated[float, Meta(ge=0)]
    voltage: float
    x: str = "DC %"
    y: str = "RPM"


def calibration_from_builtins(raw: object) -> CalibrationBase:
    """Return the calibration in plain data; raise `msgspec.ValidationError` with the reason if it is invalid."""
    return from_tagged(in_present_form(raw), CalibrationBase)


_FORMER_KEYS: Final[Mapping[str, str]] = {
    "name": "calibration_name",
    "pioreactor_unit": "calibrated_on_pioreactor_unit",
    "type": "calibration_type",
}


_FORMER_SIGNS: Final = frozenset({"curve_type", "duration_", "od600s", "pioreactor_unit"})


def in_present_form(raw: object) -> object:
    """Return the plain data of a calibration with the present keys; files of earlier releases have others.

    Those are: a curve as a list beside `curve_type`, `name` and `pioreactor_unit`, a pump's line as `duration_` and
    `bias_`, and recorded values as `durations` and `volumes`, or as `od600s` and `voltages`.
    """
    if not isinstance(raw, dict) or not _FORMER_SIGNS & set(raw):
        return raw
    data = {str(key): value for key, value in raw.items()}
    for former, present in _FORMER_KEYS.items():
        if former in data and present not in data:
            data[present] = data.pop(former)
    _put_curve(data)
    for key in ("angle", "pd_channel"):
        if isinstance(data.get(key), int):
            data[key] = str(data[key])
    if isinstance(made := data.get("created_at"), str):
        data["created_at"] = from_timestamp(made)
    return data


def _put_curve(data: dict[str, object]) -> None:
    """Put curve and recorded values of a former file into their present form, and the type that follows from them."""
    kind = str(data.pop("curve_type", "poly"))
    if "duration_" in data:
        data["calibration_type"] = "simple_peristaltic_pump"
        data.setdefault("curve_data_", [data.pop("duration_"), data.pop("bias_", 0.0)])
    elif "od600s" in data:
        data["calibration_type"] = "od600"
    curve = data.get("curve_data_")
    if isinstance(curve, list):
        is_pieces = kind != "poly" and len(curve) == 2
        parts = {"knots": curve[0], "coefficients": curve[1]} if is_pieces else {"coefficients": curve}
        data["curve_data_"] = {"type": kind, **parts}
    for x, y in (("durations", "volumes"), ("od600s", "voltages")):
        if x in data and "recorded_data" not in data:
            data["recorded_data"] = {"x": data.pop(x), "y": data.pop(y, [])}


PUMP_DEVICES = frozenset({"media_pump", "alt_media_pump", "waste_pump"})
_OD_DEVICE = re.compile(r"od(45|90|135|180)")


def check_device(calibration: CalibrationBase, device: str) -> None:
    """Raise `CalibrationError` if a calibration does not fit a device."""
    kind = calibration.calibration_type
    angle = _OD_DEVICE.fullmatch(device)
    if device in PUMP_DEVICES and not hasattr(calibration, "ml_to_duration"):
        raise CalibrationError(f"a calibration of type {kind} does not fit a pump")
    if angle and calibration.y != "Voltage":
        raise CalibrationError(f"a calibration of type {kind} does not fit optical density")
    if angle and isinstance(calibration, ODCalibration) and calibration.angle != angle[1]:
        raise CalibrationError(f"its angle is {calibration.angle}°, which does not fit {device}")
    if device == "stirring" and calibration.y != "RPM":
        raise CalibrationError(f"a calibration of type {kind} does not fit stirring")


MAX_MISFIT = 0.25
"""Share of a curve's span by which recorded values may miss it (root mean square); a good fit misses by 0.02."""

MIN_R = 0.3
"""Correlation of recorded and fitted values below which they have nothing to do with each other."""

MAX_ROUND_TRIP = 1e-3
"""Share of a curve's span by which a value may differ when it is inverted and evaluated again."""


def check_usable(calibration: CalibrationBase) -> None:
    """Raise `UnusableCalibrationError` if a curve cannot be inverted over its range, or contradicts its data."""
    low, high = _checked_range(calibration)
    try:
        rises = check_invertible(calibration.curve_data_.curve, low, high)
        _check_round_trip(calibration, low, high)
    except (ValueError, OverflowError, NoSolutionError) as error:
        raise UnusableCalibrationError(str(error)) from error
    if not rises and (hasattr(calibration, "ml_to_duration") or calibration.y == "RPM"):
        raise UnusableCalibrationError(f"its {calibration.y} falls while {calibration.x} rises")
    if _contradicts(calibration):
        raise UnusableCalibrationError("its curve contradicts its recorded data")


def _checked_range(calibration: CalibrationBase) -> tuple[float, float]:
    """Return the recorded range; without one that of the knots, and 0 to 1 for a polynomial."""
    low, high = calibration.recorded_range
    if low < high < math.inf:
        return low, high
    knots = getattr(calibration.curve_data_, "knots", (0.0, 1.0))
    return knots[0], knots[-1]


def _check_round_trip(calibration: CalibrationBase, low: float, high: float) -> None:
    """Raise `ValueError` or `NoSolutionError` if values of the curve are not found again, for lack of precision."""
    curve = calibration.curve_data_.curve
    values = [curve.evaluate(low + (high - low) * k / 16) for k in range(17)]
    limit = MAX_ROUND_TRIP * (max(values) - min(values))
    for y in values:
        if not abs(curve.evaluate(invert(curve, y, low=low, high=high)) - y) <= limit:
            raise ValueError(f"the value {y:g} of its curve cannot be inverted")


def _contradicts(calibration: CalibrationBase) -> bool:
    """Return whether the curve is far from what was recorded, or does not follow it at all."""
    data, recorded = calibration.curve_data_, calibration.recorded_data
    residual = fit_quality.residual(data, recorded)
    if residual is None:
        return False
    if not residual <= MAX_MISFIT:
        return True
    r = fit_quality.r(data, recorded)
    return r is not None and not r >= MIN_R


files: ArtifactStore[CalibrationBase] = ArtifactStore(
    "calibrations",
    "calibration",
    cache="active_calibrations",
    parse=calibration_from_builtins,
    name_of=lambda calibration: calibration.calibration_name,
    check_device=check_device,
    check_usable=check_usable,
)
"""The files of all calibrations. The functions of `calibrations.store` are the interface to it."""
