"""Curves agree with numpy's algebra, forwards and backwards."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pioreactor.calibrations.curves import PolyFitCoefficients
from pioreactor.calibrations.models import SimpleStirringCalibration
from pioreactor.exc import InvalidRequestError
from pioreactor.science.curves import (
    AboveDomainError,
    BelowDomainError,
    Curve,
    NoSolutionError,
    PiecewiseCubic,
    Polynomial,
    invert,
)
from pioreactor.science.curves.fitting import akima_fit, poly_fit, spline_fit

coefficients = st.lists(st.integers(-50, 50).map(lambda n: n / 8), min_size=2, max_size=6)


def real_roots(poly: Sequence[float], *, tolerance: float = 1e-7) -> list[float]:
    found: list[float] = []
    for root in sorted(np.roots(poly), key=lambda root: float(root.real)):
        if abs(root.imag) <= tolerance * max(1.0, abs(root)) and not any(abs(root.real - x) < 1e-5 for x in found):
            found.append(float(root.real))
    return found


@settings(max_examples=300, deadline=None)
@given(coefficients, st.integers(-30, 30).map(lambda n: n / 4))
def test_a_polynomial_finds_every_real_root_that_numpy_finds(poly: list[float], x: float) -> None:
    curve = Polynomial(poly)
    y = curve.evaluate(x)
    assert y == pytest.approx(np.polyval(poly, x))
    if not any(poly[:-1]):
        assert curve.solutions(y) == []
        return
    solutions = curve.solutions(y)
    assert solutions == sorted(solutions)
    for solution in solutions:
        scale = 1 + sum(abs(c) * abs(solution) ** k for k, c in enumerate(reversed(poly)))
        assert abs(curve.evaluate(solution) - y) <= 1e-11 * scale
    for root in real_roots([*poly[:-1], poly[-1] - y], tolerance=1e-12):
        assert min(abs(root - solution) for solution in solutions) <= 1e-4 * max(1.0, abs(root))
    nearest = min(solutions, key=lambda solution: abs(solution - x))
    assert curve.evaluate(nearest) == pytest.approx(y, abs=1e-7, rel=1e-9)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(-40, 40)), min_size=3, max_size=12),
    st.sampled_from(["akima", "spline"]),
    st.floats(-0.5, 1.5),
)
def test_a_piecewise_curve_finds_a_point_on_itself_and_no_other_value(
    steps: list[tuple[int, int]], kind: str, where: float
) -> None:
    x = [float(value) for value in np.cumsum([step for step, _ in steps])]
    y = [value / 4 for _, value in steps]
    curve = PiecewiseCubic(*(akima_fit(x, y) if kind == "akima" else spline_fit(x, y)))
    at = x[0] + where * (x[-1] - x[0])
    level = curve.evaluate(at)
    solutions = curve.solutions(level)
    for solution in solutions:
        assert abs(curve.evaluate(solution) - level) <= 1e-9 * (1 + abs(level) + max(map(abs, y)))
    if abs(curve.slope(at)) > 1e-3:
        assert min(abs(solution - at) for solution in solutions) <= 1e-5 * (1 + abs(at))


def test_a_piecewise_curve_is_continuous_with_its_slope_and_goes_on_beyond_its_ends() -> None:
    x = [0.0, 1.0, 2.0, 4.0, 7.0, 8.0]
    y = [0.0, 1.0, 0.5, 3.0, 3.0, 6.0]
    for knots, pieces in (akima_fit(x, y), spline_fit(x, y, knots=5)):
        curve = PiecewiseCubic(knots, pieces)
        for knot in knots[1:-1]:
            assert curve.evaluate(knot - 1e-9) == pytest.approx(curve.evaluate(knot + 1e-9), abs=1e-7)
            assert curve.slope(knot - 1e-9) == pytest.approx(curve.slope(knot + 1e-9), abs=1e-6)
        a, b, c, d = pieces[-1]
        u = 10.0 - knots[-2]
        assert curve.evaluate(10.0) == pytest.approx(a + b * u + c * u**2 + d * u**3)


def test_akima_goes_through_its_points_is_exact_for_lines_and_averages_equal_x() -> None:
    knots, pieces = akima_fit([3.0, 1.0, 2.0, 2.0, 5.0], [9.0, 1.0, 3.0, 5.0, 25.0])
    assert knots == [1.0, 2.0, 3.0, 5.0]
    curve = PiecewiseCubic(knots, pieces)
    assert [curve.evaluate(x) for x in knots] == pytest.approx([1.0, 4.0, 9.0, 25.0])
    line = PiecewiseCubic(*akima_fit([0.0, 1.0, 4.0], [1.0, 3.0, 9.0]))
    assert [line.evaluate(x) for x in (-1.0, 0.3, 5.0)] == pytest.approx([-1.0, 1.6, 11.0])
    two = PiecewiseCubic(*akima_fit([0.0, 2.0], [1.0, 5.0]))
    assert two.evaluate(1.0) == pytest.approx(3.0)


def test_a_natural_spline_through_its_knots_has_no_bend_at_its_ends() -> None:
    x = [0.0, 1.0, 3.0, 4.0, 6.0]
    y = [1.0, 2.0, 0.0, 2.0, 2.5]
    knots, pieces = spline_fit(x, y, knots=5)
    assert knots == pytest.approx(x)
    curve = PiecewiseCubic(knots, pieces)
    assert [curve.evaluate(at) for at in x] == pytest.approx(y)
    assert pieces[0][2] == pytest.approx(0.0, abs=1e-12)
    _, _, c, d = pieces[-1]
    assert 2 * c + 6 * d * (x[-1] - x[-2]) == pytest.approx(0.0, abs=1e-9)


def test_aicc_takes_the_simplest_polynomial_that_explains_the_data() -> None:
    noise = random.Random(2)
    x = [k / 3 for k in range(30)]
    assert len(poly_fit(x, [2.0 * value + 1.0 for value in x])) == 2
    assert len(poly_fit(x, [3.0 for _ in x])) == 1
    noisy = [0.4 * value**2 - value + noise.gauss(0, 0.05) for value in x]
    fitted = poly_fit(x, noisy)
    assert len(fitted) == 3
    assert fitted == pytest.approx([0.4, -1.0, 0.0], abs=0.06)
    assert len(poly_fit([0.0, 1.0], [1.0, 2.0])) == 2
    assert poly_fit([1.0, 1.0], [1.0, 3.0]) == pytest.approx([2.0])


def test_weights_of_zero_take_a_point_out() -> None:
    x, y = [0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 50.0]
    assert poly_fit(x, y, degree=1, weights=[1, 1, 1, 0]) == pytest.approx([1.0, 0.0], abs=1e-12)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda: poly_fit([], []), "as many"),
        (lambda: poly_fit([1.0], [1.0, 2.0]), "as many"),
        (lambda: poly_fit([1.0, 1.0], [1.0, 2.0], degree=1), "needs 2 different x"),
        (lambda: spline_fit([1.0, 1.0], [1.0, 2.0]), "different x"),
        (lambda: spline_fit([1.0, 2.0], [1.0, 2.0], knots=3), "different x"),
        (lambda: akima_fit([1.0, 1.0], [1.0, 2.0]), "two or more"),
        (lambda: akima_fit([1.0, float("nan")], [1.0, 2.0]), "finite"),
        (lambda: poly_fit([1.0, 2.0], [1.0, 2.0], weights=[-1, 1]), "weights"),
    ],
)
def test_data_that_no_curve_can_follow_are_refused(fit: object, message: str) -> None:
    assert callable(fit)
    with pytest.raises(InvalidRequestError, match=message):
        fit()


def test_the_recorded_solution_is_preferred_then_the_closest() -> None:
    parabola: Curve = Polynomial([1.0, 0.0, 0.0])
    assert invert(parabola, 4.0, low=0.0, high=3.0) == pytest.approx(2.0)
    assert invert(parabola, 4.0, low=-3.0, high=3.0) == pytest.approx(-2.0)
    assert invert(parabola, 4.0, low=3.0, high=5.0) == pytest.approx(2.0)
    assert invert(parabola, 4.0, low=-9.0, high=-4.5) == pytest.approx(-2.0)
    assert invert(parabola, 0.0, low=-1.0, high=1.0) == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(NoSolutionError):
        invert(parabola, -1.0, low=0.0, high=3.0)


def test_bounds_are_enforced_when_asked_for() -> None:
    line: Curve = Polynomial([2.0, 0.0])
    with pytest.raises(BelowDomainError):
        invert(line, -1.0, low=0.0, high=3.0, enforce_bounds=True)
    with pytest.raises(AboveDomainError):
        invert(line, 7.0, low=0.0, high=3.0, enforce_bounds=True)
    assert invert(line, 6.0 + 1e-12, low=0.0, high=3.0, enforce_bounds=True) == 3.0
    assert invert(line, 7.0, low=0.0, high=3.0) == 3.5


def test_a_flat_stretch_gives_its_beginning() -> None:
    curve = PiecewiseCubic(*akima_fit([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 2.0, 2.0, 2.0, 2.0]))
    assert invert(curve, 2.0, low=0.0, high=5.0) == pytest.approx(2.0, abs=1e-6)
    assert invert(curve, 1.0, low=0.0, high=5.0) == pytest.approx(1.0)


def test_a_calibration_reads_both_ways_to_ten_decimals() -> None:
    stirring = SimpleStirringCalibration(
        calibration_name="fan",
        calibrated_on_pioreactor_unit="unit1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        curve_data_=PolyFitCoefficients([1 / 3, 0.0]),
        recorded_data={"x": [10.0, 40.0], "y": [3.3, 13.3]},
        pwm_hz=200,
        voltage=12.0,
    )
    assert stirring.x_to_y(1.0) == 0.3333333333
    assert stirring.y_to_x(10.0) == pytest.approx(30.0)
    with pytest.raises(AboveDomainError):
        stirring.y_to_x(20.0, enforce_bounds=True)
