"""Readings in the units of a calibration, blanked, and fused over angles."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pioreactor.background_jobs.od_reading import start_od_reading
from pioreactor.background_jobs.od_reading.ir_led_intensity import choose_intensity
from pioreactor.calibrations import store as calibrations
from pioreactor.calibrations.curves import CurveData, PolyFitCoefficients
from pioreactor.calibrations.models import ODCalibration
from pioreactor.estimators import store as estimators
from pioreactor.estimators.models import ODFusionEstimator
from pioreactor.exc import CalibrationError, ConflictError
from pioreactor.science.fusion import Observation
from pioreactor.testing.simulation import EXPERIMENT, Bench

SetUp = Callable[..., Bench]
XR = ("pioreactor_20ml_XR", "1.5")
THREE_ANGLES = "[od_config.photodiode_channel]\n1=REF\n2=45\n3=90\n4=135\n"
SAME_ANGLE = "[od_config.photodiode_channel]\n1=REF\n2=90\n3=90\n"
CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def activate(
    bench: Bench,
    *,
    channel: str = "2",
    intensity: float = 80.0,
    curve: CurveData | None = None,
    recorded: tuple[list[float], list[float]] = ([0.0, 10.0], [0.0, 0.1]),
) -> None:
    """Set a 90° calibration active; the default one multiplies by 100."""
    calibration = ODCalibration(
        calibration_name="cal",
        calibrated_on_pioreactor_unit="unit1",
        created_at=CREATED,
        curve_data_=curve if curve is not None else PolyFitCoefficients([0.01, 0.0]),
        recorded_data={"x": recorded[0], "y": recorded[1]},
        ir_led_intensity=intensity,
        angle="90",
        pd_channel=channel,  # type: ignore[arg-type]
    )
    calibrations.save(bench.unit.runtime, "od90", calibration)
    calibrations.set_active(bench.unit.runtime, "od90", "cal")


def test_a_calibrated_channel_publishes_both_and_the_calibrated_one_counts(bench: Bench) -> None:
    activate(bench)
    bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(6.5)
    raw, calibrated = bench.decoded("od_reading/raw_od2"), bench.decoded("od_reading/calibrated_od2")
    assert len(raw) == len(calibrated) == 2
    assert (raw[-1]["calibrated"], calibrated[-1]["calibrated"]) == (0, 1)
    assert calibrated[-1]["od"] == pytest.approx(100 * raw[-1]["od"], rel=1e-6)
    assert calibrated[-1]["calibration_name"] == "cal"
    assert bench.decoded("od_reading/od2") == calibrated
    assert bench.decoded("od_reading/ods")[-1]["ods"]["2"] == calibrated[-1]


def test_without_a_calibration_no_raw_readings_are_published(bench: Bench) -> None:
    bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(6.5)
    assert bench.payloads("od_reading/raw_od2") == []
    assert bench.decoded("od_reading/od2")[-1]["calibrated"] == 0


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [(([5.0, 10.0], [0.05, 0.1]), 5.0), (([0.0, 0.001], [0.0, 0.00001]), 0.001)],
)
def test_outside_what_was_recorded_the_nearest_recorded_is_reported_with_a_warning_now_and_then(
    bench: Bench, recorded: tuple[list[float], list[float]], expected: float
) -> None:
    activate(bench, recorded=recorded)
    bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(290.0)
    assert {reading["od"] for reading in bench.decoded("od_reading/od2")} == {expected}
    outside = [line for line in bench.logged("warning") if "outside the range of calibration" in line]
    assert len(outside) == 1
    bench.wait(100.0)
    assert len([line for line in bench.logged("warning") if "outside the range of calibration" in line]) == 2


def test_an_unusable_calibration_that_is_active_is_an_error_and_leaves_the_signal_uncalibrated(bench: Bench) -> None:
    activate(bench)
    runtime = bench.unit.runtime
    text = runtime.artifacts.read("calibrations", "od90", "cal")
    assert text is not None
    runtime.artifacts.write("calibrations", "od90", "cal", text.replace("- 0.01", "- 0.0"))
    bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(6.5)
    assert len([line for line in bench.logged("error") if "is constant" in line and "not calibrated" in line]) == 1
    assert bench.decoded("od_reading/od2")[-1]["calibrated"] == 0


def test_another_intensity_publishes_raw_readings_only(bench: Bench) -> None:
    activate(bench, intensity=60.0)
    reader = bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(22.0)
    assert bench.decoded("od_reading/od2") == []
    assert bench.decoded("od_reading/ods") == []
    assert len(bench.decoded("od_reading/raw_od2")) == 5
    assert len([line for line in bench.logged("warning") if "60 %" in line]) == 2
    with pytest.raises(CalibrationError, match="60 %"):
        reader.record()
    bench.set("od_reading", "ir_led_intensity", 60)
    bench.wait(6.0)
    assert bench.decoded("od_reading/od2")[-1]["calibrated"] == 1
    bench.set("od_reading", "ir_led_intensity", 70)
    bench.wait(6.0)
    for setting in ("ods", "od2", "calibrated_od2"):
        assert not bench.retained(f"od_reading/{setting}")


def test_auto_takes_the_intensity_of_the_calibration(set_up: SetUp) -> None:
    bench = set_up(config="[od_reading.config]\nir_led_intensity=auto\n")
    activate(bench, intensity=62.0)
    assert bench.start(lambda: start_od_reading(interval=5.0)).ir_led_intensity == 62.0


@pytest.mark.parametrize("channel", ["2", "3"])
def test_two_channels_of_one_angle_and_a_calibration_of_one_of_them(set_up: SetUp, channel: str) -> None:
    bench = set_up(config=SAME_ANGLE, model=XR)
    activate(bench, channel=channel)
    bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(2.0)
    ods = bench.decoded("od_reading/ods")[-1]["ods"]
    assert {name: reading["calibrated"] for name, reading in ods.items()} == {
        "2": int(channel == "2"),
        "3": int(channel == "3"),
    }


def test_a_calibration_of_another_channel_is_logged_and_not_used(bench: Bench) -> None:
    activate(bench, channel="4")
    bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(2.0)
    assert bench.decoded("od_reading/od2")[-1]["calibrated"] == 0
    assert any("made with photodiode 4" in line for line in bench.logged("warning"))


def test_a_damaged_active_calibration_stops_the_start_and_leaves_nothing_behind(bench: Bench) -> None:
    activate(bench)
    bench.unit.runtime.artifacts.delete("calibrations", "od90", "cal")
    with pytest.raises(CalibrationError, match="is missing"):
        bench.start(lambda: start_od_reading(interval=5.0))
    assert bench.unit.runtime.stores.jobs().running(job_name="od_reading") == []
    assert bench.unit.runtime.ownership.holder("led-A") is None
    activate(bench, recorded=([], []))
    with pytest.raises(CalibrationError, match="no recorded data"):
        bench.start(lambda: start_od_reading(interval=5.0))


def test_the_blank_of_an_experiment_is_subtracted(bench: Bench) -> None:
    blanks = bench.unit.runtime.stores.persistent("od_blank")
    blanks.set("another experiment", json.dumps({"2": 5.0}))
    reader = bench.start(lambda: start_od_reading(interval=None))
    plain = reader.record().ods["2"].od
    reader.clean_up()
    bench.wait(0.1)
    blanks.set(EXPERIMENT, json.dumps({"2": 0.5}))
    blanked = bench.start(lambda: start_od_reading(interval=None)).record().ods["2"].od
    assert blanked == pytest.approx(plain - 0.5, abs=0.001)


def test_a_blank_and_a_calibration_exclude_each_other(bench: Bench) -> None:
    bench.unit.runtime.stores.persistent("od_blank").set(EXPERIMENT, json.dumps({"2": 0.5}))
    activate(bench)
    with pytest.raises(ConflictError, match="calibration") as raised:
        bench.start(lambda: start_od_reading(interval=5.0))
    assert raised.value.remedy
    calibrations.set_active(bench.unit.runtime, "od90", None)
    bench.start(lambda: start_od_reading(interval=5.0))


def fusing(set_up: SetUp, *, intensity: float = 80.0, config: str = THREE_ANGLES, top: float = 10.0) -> Bench:
    bench = set_up(config=config, model=XR, scenario="ecoli_batch")
    gains = {"45": 0.02, "90": 0.01, "135": 0.03}
    seen = [Observation(a, c, gain * c) for a, gain in gains.items() for c in (1e-5, 1e-3, 0.1, 1.0, top)]
    estimator = ODFusionEstimator.fitted(seen, name="est", unit="unit1", created_at=CREATED, ir_led_intensity=intensity)
    estimators.save(bench.unit.runtime, "od_fused", estimator)
    estimators.set_active(bench.unit.runtime, "od_fused", "est")
    return bench


def test_angles_are_fused_from_the_raw_readings(set_up: SetUp) -> None:
    bench = fusing(set_up)
    activate(bench, channel="3")
    bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(6.5)
    fused = bench.decoded("od_reading/od_fused")
    assert len(fused) == 2
    fusion_inputs = {
        "45": bench.decoded("od_reading/od2")[-1]["od"],
        "90": bench.decoded("od_reading/raw_od3")[-1]["od"],
        "135": bench.decoded("od_reading/od4")[-1]["od"],
    }
    estimator = estimators.load_active(bench.unit.runtime, "od_fused")
    assert estimator is not None
    assert fused[-1]["od_fused"] == pytest.approx(estimator.fusion.estimate(fusion_inputs), rel=1e-6)  # type: ignore[attr-defined]


def test_no_fused_od_with_another_intensity_or_a_missing_angle(set_up: SetUp) -> None:
    for bench, words in (
        (fusing(set_up, intensity=70.0), "70 %"),
        (fusing(set_up, config="[od_config.photodiode_channel]\n1=REF\n2=45\n3=90\n"), "135"),
    ):
        bench.start(lambda: start_od_reading(interval=5.0))
        bench.wait(12.0)
        assert bench.payloads("od_reading/od_fused") == []
        assert len(bench.decoded("od_reading/ods")) == 3
        assert len([line for line in bench.logged("warning") if words in line]) == 1


def test_a_blank_and_an_estimator_exclude_each_other(set_up: SetUp) -> None:
    bench = fusing(set_up)
    bench.unit.runtime.stores.persistent("od_blank").set(EXPERIMENT, json.dumps({"2": 0.5}))
    with pytest.raises(ConflictError, match="fusion estimator"):
        bench.start(lambda: start_od_reading(interval=5.0))


@pytest.mark.parametrize(
    ("volts", "reference", "expected"),
    [
        ({"1": 0.5, "2": 0.05}, "1", 50.0),
        ({"1": 0.3, "2": 0.05}, "1", 70.83),
        ({"1": 0.1, "2": 0.001}, "1", 85.0),
        ({"1": 0.1, "2": 0.08}, "1", 63.75),
        ({"1": -0.1, "2": -0.001}, "1", 85.0),
        ({"1": 0.9, "2": 0.9, "3": 0.9}, "1", 85.0),
        ({"2": 0.9}, None, 85.0),
    ],
)
def test_the_chosen_intensity_leaves_room_for_growth(
    volts: dict[str, float], reference: str | None, expected: float
) -> None:
    assert choose_intensity(volts, reference) == pytest.approx(expected)  # type: ignore[arg-type]
