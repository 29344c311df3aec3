"""Calibrations that would give wrong numbers are refused before they are used."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pioreactor.calibrations.curves import AkimaFitData, CurveData, PolyFitCoefficients
from pioreactor.calibrations.models import CalibrationBase, ODCalibration, SimplePeristalticPump, files
from pioreactor.exc import UnusableCalibrationError

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
numbers = st.floats(-10, 10) | st.sampled_from([0.0, math.nan, math.inf, -math.inf, 1e308, 1e-300])


def od_calibration(curve: CurveData, x: list[float], y: list[float], intensity: float = 80.0) -> ODCalibration:
    return ODCalibration(
        calibration_name="cal",
        calibrated_on_pioreactor_unit="unit1",
        created_at=CREATED,
        curve_data_=curve,
        recorded_data={"x": x, "y": y},
        ir_led_intensity=intensity,
        angle="90",
        pd_channel="2",
    )


def pump(rate: float) -> SimplePeristalticPump:
    return SimplePeristalticPump(
        calibration_name="cal",
        calibrated_on_pioreactor_unit="unit1",
        created_at=CREATED,
        curve_data_=PolyFitCoefficients([rate, 0.0]),
        recorded_data={"x": [], "y": []},
        hz=200.0,
        dc=100.0,
        voltage=12.0,
    )


X, Y = [0.0, 1.0, 2.0], [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("calibration", "reason"),
    [
        (od_calibration(PolyFitCoefficients([0.0, 0.5]), [0.0, 1.0], [0.5, 0.5]), "constant"),
        (od_calibration(PolyFitCoefficients([0.5]), [0.0, 1.0], [0.5, 0.5]), "constant"),
        (od_calibration(PolyFitCoefficients([math.nan, 0.5]), X, Y), r"curve_data_.coefficients.0 is not a finite"),
        (od_calibration(PolyFitCoefficients([0.5, 0.0]), X, [0.0, math.inf, 1.0]), r"recorded_data.y.1 is not a fin"),
        (od_calibration(PolyFitCoefficients([0.5, 0.0]), X, Y, math.nan), "ir_led_intensity is not a finite"),
        (od_calibration(PolyFitCoefficients([-1.0, 2.0, 0.0]), X, [0.0, 1.0, 0.0]), "turns back"),
        (od_calibration(PolyFitCoefficients([0.5, 0.0]), X, [1.0, 0.5, 0.0]), "contradicts"),
        (od_calibration(AkimaFitData([0.0, 1.0], [[0.5, 0.0, 0.0, 0.0]]), [1.0], [0.5]), "constant"),
        (pump(0.0), "constant"),
        (pump(-0.1), "falls"),
    ],
)
def test_an_unusable_calibration_is_refused_with_its_reason(calibration: CalibrationBase, reason: str) -> None:
    with pytest.raises(UnusableCalibrationError, match=reason):
        files.check(calibration)


def test_usable_calibrations_pass() -> None:
    files.check(pump(0.1))
    files.check(od_calibration(PolyFitCoefficients([-0.5, 1.0]), X, [1.0, 0.5, 0.0]))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@example([1e308, 0.0, 0.0, 0.0], [0.0, 1.0])
@example([1.0, 1e308, 0.0], [0.0, 1.0])
@given(st.lists(numbers, min_size=1, max_size=5), st.lists(numbers, min_size=2, max_size=6, unique=True))
def test_what_is_accepted_can_be_inverted_over_its_range(coefficients: list[float], xs: list[float]) -> None:
    curve = PolyFitCoefficients(coefficients)
    calibration = od_calibration(curve, xs, [curve.curve.evaluate(x) for x in xs])
    try:
        files.check(calibration)
    except UnusableCalibrationError:
        return
    low, high = calibration.recorded_range
    ys = [curve.curve.evaluate(low + (high - low) * k / 11) for k in range(12)]
    span = max(ys) - min(ys)
    assert math.isfinite(span)
    assert span > 0
    for y in ys:
        assert curve.curve.evaluate(calibration.y_to_x(y)) == pytest.approx(y, abs=1e-3 * span)
