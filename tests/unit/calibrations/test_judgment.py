"""A calibration is judged by its data, against the active one, and against what was asked for, before it is used."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pioreactor.calibrations import store
from pioreactor.calibrations.curves import AkimaFitData, CurveData, PolyFitCoefficients
from pioreactor.calibrations.fitting import fit_curve, fit_standards, fit_through_origin
from pioreactor.calibrations.judgment import judge, save_judged
from pioreactor.calibrations.models import CalibrationBase, OD600Calibration, SimplePeristalticPump
from pioreactor.exc import UnusableCalibrationError
from pioreactor.runtime.context import Runtime
from pioreactor.testing.simulation import simulated_bench

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
TEST_RUNS_S = [8.0] * 4 + [9.5] * 2 + [11.0] * 4


def pump(durations_s: list[float], volumes_ml: list[float], name: str = "new") -> SimplePeristalticPump:
    return SimplePeristalticPump(
        calibration_name=name,
        calibrated_on_pioreactor_unit="unit1",
        created_at=CREATED,
        curve_data_=fit_through_origin(durations_s, volumes_ml),
        recorded_data={"x": durations_s, "y": volumes_ml},
        hz=250.0,
        dc=100.0,
        voltage=12.0,
    )


def steady(ml_per_s: float, name: str = "new", scatter: float = 0.0) -> SimplePeristalticPump:
    noise = random.Random(1)
    volumes_ml = [ml_per_s * seconds * (1 + noise.gauss(0, scatter)) for seconds in TEST_RUNS_S]
    return pump(TEST_RUNS_S, volumes_ml, name)


def od(x: list[float], y: list[float], curve: CurveData | None = None, name: str = "new") -> OD600Calibration:
    return OD600Calibration(
        calibration_name=name,
        calibrated_on_pioreactor_unit="unit1",
        created_at=CREATED,
        curve_data_=fit_standards(x, y) if curve is None else curve,
        recorded_data={"x": x, "y": y},
        ir_led_intensity=80.0,
        angle="90",
        pd_channel="2",
    )


OD600 = [2.0, 1.0, 0.5, 0.2, 0.1, 0.0]
VOLTS = [0.01 + 0.2 * each for each in OD600]


@pytest.mark.parametrize(
    ("calibration", "grade"),
    [
        (steady(0.1), "good"),
        (steady(0.1, scatter=0.01), "good"),
        (steady(0.1, scatter=0.04), "fair"),
        (steady(0.1, scatter=0.2), "poor"),
        (od(OD600, VOLTS), "good"),
        (od([0.0, 1.0], [0.0, 0.2], PolyFitCoefficients([0.2, 0.0])), "good"),
        (od([0.0, 1.0], [0.0, 0.2], AkimaFitData([0.0, 1.0], [[0.0, 0.2, 0.0, 0.0]])), "unknown"),
        (od([], [], PolyFitCoefficients([0.2, 0.0])), "unknown"),
    ],
)
def test_the_fit_has_a_grade_and_a_sentence_with_its_numbers(calibration: CalibrationBase, grade: str) -> None:
    found = judge(calibration)
    assert found.grade == grade, found
    assert bool(found.doubts) == (grade == "poor")
    assert found.points == len(calibration.recorded_data["x"])
    if grade != "unknown":
        assert found.r is not None
        assert found.residual is not None
        assert f"r {found.r:.4f}" in found.summary
        assert f"{found.points} points" in found.summary


@pytest.mark.parametrize(
    ("factor", "is_doubtful"), [(1.0, False), (2.0, False), (0.4, False), (5.0, True), (0.2, True)]
)
def test_a_result_five_times_the_active_one_is_doubtful(factor: float, is_doubtful: bool) -> None:
    found = judge(steady(0.1 * factor), steady(0.1, "old"))
    assert found.ratio == pytest.approx(1 / factor, rel=0.01)
    assert found.compared_with == "old"
    assert bool(found.doubts) == is_doubtful
    if is_doubtful:
        assert "'old', the active one" in found.doubts[0]


def test_a_standard_that_was_entered_in_other_units_is_doubtful() -> None:
    found = judge(od([10 * each for each in OD600], VOLTS), od(OD600, VOLTS, name="old"))
    assert found.ratio == pytest.approx(10, rel=0.05)
    assert found.doubts == ["For the same Voltage it gives 10 times the OD600 of 'old', the active one."]


def test_readings_that_have_nothing_in_common_with_the_active_ones_are_doubtful() -> None:
    found = judge(od(OD600, [each + 3 for each in VOLTS]), od(OD600, VOLTS, name="old"))
    assert found.ratio is None
    assert "nothing in common" in found.doubts[0]


@pytest.mark.parametrize(
    ("asked", "is_doubtful"), [((1.0, 1.0), False), ((0.7, 1.2), False), ((1.0, 5.0), True), ((10.0, 10.0), True)]
)
def test_the_range_is_compared_with_what_was_asked_for(asked: tuple[float, float], is_doubtful: bool) -> None:
    found = judge(steady(0.1), asked={"y": asked})
    assert bool(found.doubts) == is_doubtful
    if is_doubtful:
        assert "was asked for" in found.doubts[0]


@settings(deadline=None)
@given(
    st.lists(st.floats(1, 200), min_size=3, max_size=12, unique=True),
    st.floats(0.001, 10),
    st.floats(0.1, 10),
)
def test_equal_data_in_other_units_are_judged_alike(xs: list[float], slope: float, factor: float) -> None:
    ys = [slope * x * (1 + 0.02 * math.sin(x)) for x in xs]
    one, other = pump(xs, ys, "one"), pump(xs, [factor * y for y in ys], "other")
    first, second = judge(one), judge(other)
    assert first.grade == second.grade
    assert first.residual == pytest.approx(second.residual, abs=2e-4)
    ratio = judge(other, one).ratio
    assert ratio is not None
    assert ratio == pytest.approx(1 / factor, rel=0.01)


@pytest.mark.parametrize("volumes_ml", [[1.1] * 4 + [1.0] * 2 + [0.9] * 4, [1.0] * 10])
def test_runs_that_contradict_themselves_are_refused(volumes_ml: list[float]) -> None:
    with pytest.raises(UnusableCalibrationError, match="contradicts"):
        store.check(pump(TEST_RUNS_S, volumes_ml))


def test_a_stirring_curve_with_hysteresis_is_fair() -> None:
    duties = [20.0, 25.0, 30.0, 35.0, 40.0]
    rpms = [15 * duty for duty in duties] + [15 * duty + 30 for duty in duties]
    curve = fit_curve(duties * 2, rpms, "spline")
    assert judge(od(duties * 2, rpms, curve)).grade in ("good", "fair")


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with simulated_bench(scenario="water", calibrated_pumps=False) as bench:
        yield bench.unit.runtime


def test_a_doubtful_one_is_saved_and_the_active_one_stays(runtime: Runtime) -> None:
    first = save_judged(runtime, "media_pump", steady(0.1, "a"), activate=True)
    assert (first.name, first.active, first.judgment.doubts) == ("a", True, [])
    for doubtful in (steady(0.9, "b"), steady(0.1, "c", scatter=0.09)):
        saved = save_judged(runtime, "media_pump", doubtful, activate=True)
        assert not saved.active
        assert saved.judgment.doubts
        assert saved.name in store.names(runtime, "media_pump")
        assert store.active_name(runtime, "media_pump") == "a"


def test_a_doubtful_one_of_the_same_name_does_not_replace_the_active_one(runtime: Runtime) -> None:
    save_judged(runtime, "media_pump", steady(0.1, "a"), activate=True)
    for expected in ("a-2", "a-3"):
        saved = save_judged(runtime, "media_pump", steady(0.9, "a"), activate=True)
        assert (saved.name, saved.active) == (expected, False)
    active = store.load_active(runtime, "media_pump")
    assert active is not None
    assert active.x_to_y(10) == pytest.approx(1.0)
    good = save_judged(runtime, "media_pump", steady(0.11, "a"), activate=True)
    assert (good.name, good.active) == ("a", True)


def test_one_that_contradicts_itself_leaves_the_active_one(runtime: Runtime) -> None:
    save_judged(runtime, "media_pump", steady(0.1, "a"), activate=True)
    with pytest.raises(UnusableCalibrationError):
        save_judged(runtime, "media_pump", pump(TEST_RUNS_S, [1.1] * 4 + [1.0] * 2 + [0.9] * 4, "a"), activate=True)
    active = store.load_active(runtime, "media_pump")
    assert active is not None
    assert active.x_to_y(10) == pytest.approx(1.0)


def test_an_unusable_active_one_does_not_keep_a_good_one_from_being_used(runtime: Runtime) -> None:
    save_judged(runtime, "media_pump", steady(0.1, "a"), activate=True)
    runtime.artifacts.write("calibrations", "media_pump", "a", "x: [")
    assert save_judged(runtime, "media_pump", steady(0.9, "b"), activate=True).active
