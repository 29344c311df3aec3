"""Calibration files of earlier releases are read as if they had been written today."""

import pytest

from pioreactor.calibrations import store
from pioreactor.calibrations.curves import PolyFitCoefficients, SplineFitData
from pioreactor.calibrations.models import OD600Calibration, ODCalibration, SimplePeristalticPump
from pioreactor.exc import CalibrationError

PUMP = """\
name: tubing A
pioreactor_unit: unit1
created_at: "2023-05-04T09:30:00.000000Z"
pump: media
hz: 150
dc: 60
voltage: 11.9
duration_: 0.08
bias_: 0.01
durations: [1.0, 5.0, 10.0]
volumes: [0.09, 0.41, 0.81]
"""
OD = """\
name: june
pioreactor_unit: unit1
created_at: 2023-05-04 09:30:00+00:00
angle: 90
pd_channel: 2
ir_led_intensity: 70
minimum_od600: 0.0
maximum_od600: 2.0
curve_type: poly
curve_data_: [0.25, 0.01]
od600s: [0.0, 1.0, 2.0]
voltages: [0.01, 0.26, 0.51]
"""
LISTED_CURVE = """\
calibration_type: od
calibration_name: later
calibrated_on_pioreactor_unit: unit1
created_at: 2025-01-02 09:30:00+00:00
x: OD
y: Voltage
angle: "90"
pd_channel: "2"
ir_led_intensity: 70.0
curve_type: KIND
curve_data_: CURVE
recorded_data: {x: [0.0, 1.0, 2.0], y: [0.01, 0.26, 0.51]}
"""


def test_a_line_of_a_pump() -> None:
    read = store.parse(PUMP)
    assert isinstance(read, SimplePeristalticPump)
    assert (read.calibration_name, read.calibrated_on_pioreactor_unit) == ("tubing A", "unit1")
    assert read.duration_to_ml(10.0) == pytest.approx(0.81)
    assert read.created_at.isoformat() == "2023-05-04T09:30:00+00:00"
    assert read.recorded_data == {"x": [1.0, 5.0, 10.0], "y": [0.09, 0.41, 0.81]}
    store.check(read)


def test_a_curve_of_od600_standards() -> None:
    read = store.parse(OD)
    assert isinstance(read, OD600Calibration)
    assert (read.angle, read.pd_channel, read.y) == ("90", "2", "Voltage")
    assert read.y_to_x(0.26) == pytest.approx(1.0)
    store.check(read)


@pytest.mark.parametrize(
    ("kind", "curve", "expected"),
    [
        ("poly", "[0.25, 0.01]", PolyFitCoefficients([0.25, 0.01])),
        ("spline", "[[0.0, 2.0], [[0.01, 0.25, 0.0, 0.0]]]", SplineFitData([0.0, 2.0], [[0.01, 0.25, 0.0, 0.0]])),
    ],
)
def test_a_curve_beside_its_type(kind: str, curve: str, expected: object) -> None:
    read = store.parse(LISTED_CURVE.replace("KIND", kind).replace("CURVE", curve))
    assert isinstance(read, ODCalibration)
    assert read.curve_data_ == expected
    assert read.x_to_y(1.0) == pytest.approx(0.26)


@pytest.mark.parametrize("missing", ["hz", "voltage", "volumes"])
def test_what_lacks_a_value_is_refused_as_ever(missing: str) -> None:
    text = "".join(line for line in PUMP.splitlines(keepends=True) if not line.startswith(missing))
    with pytest.raises(CalibrationError):
        store.parse(text)
