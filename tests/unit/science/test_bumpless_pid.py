"""The controller of sensor loops against what it promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.science.bumpless_pid import BumplessPid, PidGains

numbers = st.floats(-100, 100)


@given(measured=numbers, setpoint=numbers, output=st.floats(0, 10), gain=numbers)
def test_it_begins_with_the_output_that_there_is(measured: float, setpoint: float, output: float, gain: float) -> None:
    pid = BumplessPid(PidGains(gain, 5.0, 1.0), setpoint, 0.0, 10.0)
    assert pid.start(measured, output) == output
    assert pid.update(measured, 1e-6) == pytest.approx(output, abs=0.01)


def test_other_gains_are_no_step_of_the_output() -> None:
    pid = BumplessPid(PidGains(1.0, 5.0), 5.0, 0.0, 10.0)
    pid.start(3.0, 0.0)
    for _ in range(20):
        before = pid.update(3.0, 1.0)
    pid.change_gains(PidGains(3.0, 2.0))
    assert pid.update(3.0, 1e-6) == pytest.approx(before, abs=1e-3)


def test_it_does_not_wind_up() -> None:
    pid = BumplessPid(PidGains(1.0, 2.0), 5.0, 0.0, 10.0)
    pid.start(0.0, 0.0)
    for _ in range(1000):
        assert pid.update(0.0, 1.0) <= 10.0
    assert pid.update(0.0, 1.0) == 10.0
    for _ in range(4):
        pid.update(10.0, 1.0)
    assert pid.update(10.0, 1.0) == 0.0, "minutes after the error has changed its sign"


def test_without_integral_action_it_is_proportional() -> None:
    pid = BumplessPid(PidGains(-2.0), 5.0, 0.0, 10.0)
    pid.start(5.0, 4.0)
    assert pid.update(7.0, 1.0) == 4.0
    assert pid.update(3.0, 1.0) == 0.0


def test_the_derivative_is_of_the_input_and_is_smoothed() -> None:
    pid = BumplessPid(PidGains(1.0, 0.0, 8.0), 0.0, -100.0, 100.0)
    pid.start(0.0, 0.0)
    pid.setpoint = 5.0
    assert pid.update(0.0, 1.0) == 5.0, "another set point is no kick of the derivative"
    assert pid.update(1.0, 1.0) == 4.0 - 8.0 * 0.5
    with pytest.raises(ValueError, match="above 0"):
        pid.update(1.0, 0.0)


def test_a_slow_plant_is_brought_to_its_set_point_and_held_there() -> None:
    pid = BumplessPid(PidGains(4.0, 10.0, 1.0), 7.0, 0.0, 100.0)
    level = 3.0
    pid.start(level, 0.0)
    for _ in range(3000):
        level += 0.1 * (0.05 * pid.update(level, 0.1) - 0.2 * (level - 3.0))
        assert level < 7.5
    assert level == pytest.approx(7.0, abs=0.01)
