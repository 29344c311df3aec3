"""A PID controller against what it promises."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.science.pid import PidController

numbers = st.floats(-100, 100)


def test_each_term_alone() -> None:
    p = PidController(2.0, 0.0, 0.0, setpoint=10.0)
    assert p.update(7.0, 1.0) == 6.0
    i = PidController(0.0, 2.0, 0.0, setpoint=10.0)
    assert [i.update(9.0, 0.5), i.update(9.0, 0.5), i.update(11.0, 1.0)] == [1.0, 2.0, 0.0]
    d = PidController(0.0, 0.0, 2.0, setpoint=10.0)
    assert d.update(7.0, 1.0) == 0.0, "one measurement has no slope"
    assert d.update(8.0, 0.5) == -4.0
    d.set_setpoint(100.0)
    assert d.update(8.0, 0.5) == 0.0, "a new aim is no kick"


def test_the_integral_does_not_wind_up_in_the_units_of_the_output() -> None:
    """It is ki times the sum that is bounded, not the sum: a small ki can still reach the limit."""
    pid = PidController(0.0, 0.01, 0.0, setpoint=1.0, low=0.0, high=10.0)
    for _ in range(5000):
        pid.update(0.0, 1.0)
    assert pid.latest_output == pytest.approx(10.0)
    for _ in range(1000):
        output = pid.update(2.0, 1.0)
    assert output == pytest.approx(0.0), "as many steps back as there were up to the limit, not as many as it waited"


def test_another_aim_forgets_the_sum() -> None:
    pid = PidController(0.0, 1.0, 0.0, setpoint=1.0)
    pid.update(0.0, 5.0)
    pid.set_setpoint(1.0)
    assert pid.integral == 5.0
    pid.set_setpoint(2.0)
    assert pid.integral == 0.0


def test_a_slow_plant_is_brought_to_its_aim() -> None:
    pid = PidController(0.5, 0.05, 0.1, setpoint=37.0, low=0.0, high=100.0, smoothing=0.5)
    temperature = 22.0
    for _ in range(4000):
        temperature += 0.1 * (0.5 * pid.update(temperature, 1.0) - 0.2 * (temperature - 22.0))
    assert temperature == pytest.approx(37.0, abs=0.05)


@given(st.lists(numbers, min_size=1, max_size=50), st.tuples(numbers, numbers, numbers, numbers))
def test_the_output_is_always_within_its_limits(inputs: list[float], gains: tuple[float, float, float, float]) -> None:
    pid = PidController(*gains, low=-3.0, high=5.0)
    for measured in inputs:
        output = pid.update(measured, 0.5)
        assert -3.0 <= output <= 5.0
        assert math.isfinite(pid.integral)


@pytest.mark.parametrize("dt", [0.0, -1.0, float("nan")])
def test_time_must_have_passed(dt: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        PidController(1.0, 0.0, 0.0, setpoint=0.0).update(1.0, dt)
