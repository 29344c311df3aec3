"""Calibrations: a curve from what is set or prepared (x) to what is measured (y), and how it was made."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Struct

from pioreactor.science.curves import Curve, PiecewiseCubic, Polynomial, invert
from pioreactor.types import PdAngle, PdChannel

DECIMALS = 10
"""Values of a curve are rounded to this, so that they print alike everywhere."""


class PolyFitCoefficients(Struct, tag="poly", tag_field="type", frozen=True, dict=True):
    """A polynomial; coefficients from the highest power to the constant."""

    coefficients: list[float]

    def __post_init__(self) -> None:
        if not self.coefficients:
            raise ValueError("a polynomial needs at least one coefficient")

    @cached_property
    def curve(self) -> Curve:
        return Polynomial(self.coefficients)


class _PiecewiseFit(Struct, tag_field="type", frozen=True, dict=True):
    """Cubics between knots: piece i is a + b·u + c·u² + d·u³ with u = x − knot i."""

    knots: list[float]
    coefficients: list[list[float]]

    def __post_init__(self) -> None:
        knots, pieces = self.knots, self.coefficients
        if len(knots) < 2 or len(pieces) != len(knots) - 1 or any(len(piece) != 4 for piece in pieces):
            raise ValueError("a piecewise curve of n ≥ 2 knots needs n − 1 pieces of 4 coefficients")
        if any(low >= high for low, high in pairwise(knots)):
            raise ValueError("knots must ascend")

    @cached_property
    def curve(self) -> Curve:
        return PiecewiseCubic(self.knots, self.coefficients)


class SplineFitData(_PiecewiseFit, tag="spline", frozen=True):
    """A natural cubic regression spline."""


class AkimaFitData(_PiecewiseFit, tag="akima", frozen=True):
    """An Akima interpolation: it goes through its points and does not overshoot."""


CurveData = PolyFitCoefficients | SplineFitData | AkimaFitData


class CalibrationBase(Struct, tag_field="calibration_type", kw_only=True):
    """What every calibration has. Plugins add kinds by subclassing it with a tag of their own."""

    calibration_name: str
    calibrated_on_pioreactor_unit: str
    created_at: Annotated[datetime, Meta(tz=True)]
    curve_data_: CurveData
    x: str
    y: str
    recorded_data: dict[Literal["x", "y"], list[float]]

    def __post_init__(self) -> None:
        recorded = self.recorded_data
        if len(recorded.get("x", ())) != len(recorded.get("y", ())):
            raise ValueError("recorded_data needs as many x as y")

    @property
    def calibration_type(self) -> str:
        """Return the tag of its kind."""
        return cast(str, type(self).__struct_config__.tag)

    @property
    def recorded_range(self) -> tuple[float, float]:
        """Return the smallest and largest recorded x; everything when nothing was recorded."""
        recorded = self.recorded_data.get("x", [])
        return (min(recorded), max(recorded)) if recorded else (-float("inf"), float("inf"))

    def x_to_y(self, x: float) -> float:
        """Return the curve's value at x."""
        return round(self.curve_data_.curve.evaluate(x), DECIMALS)

    def y_to_x(self, y: float, enforce_bounds: bool = False) -> float:
        """Return the x that gives y: the smallest one that was recorded, else the one closest to what was.

        Raise `NoSolutionError` when the curve never takes y; with `enforce_bounds`, `BelowDomainError` or
        `AboveDomainError` instead of an x outside the recorded range.
        """
        low, high = self.recorded_range
        return invert(self.curve_data_.curve, y, low=low, high=high, enforce_bounds=enforce_bounds)

    def save_to_disk_for_device(self, device: str) -> str:
        """Keep this calibration on the present unit; returns its path."""
        from pioreactor.calibrations import store  # a deliberate upward import: plugins call this on the struct
        from pioreactor.runtime import context

        runtime = context.current()
        store.save(runtime, device, self)
        return str(runtime.paths.calibrations / device / f"{self.calibration_name}.yaml")

    def set_as_active_calibration_for_device(self, device: str) -> None:
        """Keep this calibration on the present unit, if it is not kept yet, and use it from now on."""
        from pioreactor.calibrations import store  # a deliberate upward import: plugins call this on the struct
        from pioreactor.runtime import context

        runtime = context.current()
        if self.calibration_name not in store.names(runtime, device):
            store.save(runtime, device, self)
        store.set_active(runtime, device, self.calibration_name)

    def remove_as_active_calibration_for_device(self, device: str) -> None:
        """Use it no longer; another active calibration stays."""
        from pioreactor.calibrations import store  # a deliberate upward import: plugins call this on the struct
        from pioreactor.runtime import context

        runtime = context.current()
        if store.active_name(runtime, device) == self.calibration_name:
            store.set_active(runtime, device, None)

    def is_active(self, device: str) -> bool:
        from pioreactor.calibrations import store  # a deliberate upward import: plugins call this on the struct
        from pioreactor.runtime import context

        return store.active_name(context.current(), device) == self.calibration_name


class ODCalibration(CalibrationBase, kw_only=True, tag="od"):
    """Optical density of a standard → voltage of a photodiode relative to the reference."""

    ir_led_intensity: float
    angle: PdAngle
    pd_channel: PdChannel
    x: str = "OD"
    y: str = "Voltage"


class OD600Calibration(ODCalibration, kw_only=True, tag="od600"):
    """As `od`, in units of a spectrophotometer's OD600."""

    x: str = "OD600"


class SimplePeristalticPump(CalibrationBase, kw_only=True, tag="simple_peristaltic_pump"):
    """Time a pump runs [s] → volume it moves [mL], at one PWM frequency [Hz], duty [%] and supply [V]."""

    hz: Annotated[float, Meta(ge=0)]
    dc: Annotated[float, Meta(ge=0)]
    voltage: float
    x: str = "Duration"
    y: str = "Volume"

    def ml_to_duration(self, ml: float) -> float:
        """Return how long the pump must run [s] to move a volume [mL]."""
        return self.y_to_x(ml)

    def duration_to_ml(self, duration: float) -> float:
        """Return the volume [mL] that moves while the pump runs [s]."""
        return self.x_to_y(duration)


class SimpleStirringCalibration(CalibrationBase, kw_only=True, tag="simple_stirring"):
    """Duty of the fan [%] → revolutions per minute."""

    pwm_hz: Annotated[float, Meta(ge=0)]
    voltage: float
    x: str = "DC %"
    y: str = "RPM"


def calibration_kinds() -> dict[str, type[CalibrationBase]]:
    """Return every kind by its tag, those of plugins included; the newest definition of a tag counts."""
    kinds: dict[str, type[CalibrationBase]] = {}
    waiting: list[type[CalibrationBase]] = [CalibrationBase]
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        tag: Any = kind.__struct_config__.tag
        if kind is not CalibrationBase and isinstance(tag, str):
            kinds[tag] = kind
    return kinds


def calibration_from_builtins(raw: object) -> CalibrationBase:
    """Return the calibration that plain data describe; raise `msgspec.ValidationError` saying what is wrong."""
    tag = raw.get("calibration_type") if isinstance(raw, dict) else None
    kinds = calibration_kinds()
    if tag not in kinds:
        known = ", ".join(sorted(kinds))
        raise msgspec.ValidationError(
            f"its calibration_type is {tag!r}, and this unit knows {known}" if tag else "it has no calibration_type"
        )
    return msgspec.convert(raw, kinds[tag], builtin_types=(datetime,))
