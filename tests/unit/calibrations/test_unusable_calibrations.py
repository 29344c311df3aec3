"""Calibrations that would give wrong numbers are refused before they are used."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pioreactor.actions.dosing import MEDIA, DoseRequest
from pioreactor.actions.pump import add_media, run_pump_action
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.calibrations import store
from pioreactor.calibrations.curves import AkimaFitData, CurveData, PolyFitCoefficients
from pioreactor.calibrations.defaults import NAME
from pioreactor.calibrations.models import CalibrationBase, ODCalibration, SimplePeristalticPump, files
from pioreactor.exc import CalibrationError, CalibrationMissingError, UnusableCalibrationError
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, simulated_bench

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


UNUSABLE_PUMPS = [
    PolyFitCoefficients([0.0, 0.0]),
    PolyFitCoefficients([-0.1, 0.0]),
    PolyFitCoefficients([0.1]),
    PolyFitCoefficients([math.nan, 0.0]),
    PolyFitCoefficients([math.inf, 0.0]),
]


@pytest.mark.parametrize("curve", UNUSABLE_PUMPS, ids=str)
def test_a_pump_calibration_that_would_give_wrong_volumes_is_neither_saved_nor_used(curve: CurveData) -> None:
    with simulated_bench() as bench:
        runtime = bench.unit.runtime
        broken = pump(0.1)
        broken.curve_data_ = curve
        with pytest.raises(UnusableCalibrationError):
            store.save(runtime, "media_pump", broken)
        text = msgspec.yaml.encode(broken).decode()  # written by hand, or by an earlier release
        runtime.artifacts.write("calibrations", "media_pump", "cal", text)
        with pytest.raises(CalibrationError):
            store.set_active(runtime, "media_pump", "cal")
        assert store.active_name(runtime, "media_pump") == NAME

        runtime.stores.persistent("active_calibrations").set("media_pump", "cal")
        with context.using(runtime):
            with pytest.raises(CalibrationMissingError):
                run_pump_action(MEDIA, DoseRequest(1.0, None, "test"))
            assert add_media(bench.unit.name, EXPERIMENT, ml=1.0) == 0.0
            with pytest.raises(CalibrationMissingError):
                Chemostat(exchange_volume_ml=0.5, duration=60)
        bench.wait(1.0)
        assert bench.payloads("dosing_events") == []
        assert any("media_pump" in line for line in bench.logged("error"))


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
