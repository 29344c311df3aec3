"""Tools of calibrations, under the names plugins import: plots, and curves in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pioreactor.calibrations.curves import CurveData
from pioreactor.calibrations.models import CalibrationBase

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C", bound=CalibrationBase)


def residual_sd(curve: CurveData, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return the standard deviation of what a curve leaves of the points, in units of y."""
    left = [y - curve.curve.evaluate(x) for x, y in zip(xs, ys, strict=True)]
    return math.sqrt(math.fsum(each * each for each in left) / len(left))


def linspace(start: float, stop: float, num: int = 50) -> list[float]:
    """Return `num` evenly spaced numbers, both ends included."""
    if num < 2:
        return [start][:num]
    return [start + (stop - start) * k / (num - 1) for k in range(num)]


def curve_to_functional_form(curve_type: str, curve_data: Any) -> str:
    """Return a curve as a line of text. `curve_data` may be a curve's struct or bare coefficients."""
    coefficients = getattr(curve_data, "coefficients", curve_data)
    if curve_type != "poly":
        return f"{curve_type} of {len(coefficients)} pieces"
    highest = len(coefficients) - 1
    terms = [f"{value:.6g}{_power(highest - k)}" for k, value in enumerate(coefficients)]
    return "y = " + " + ".join(terms)


def _power(power: int) -> str:
    return "" if power == 0 else "·x" if power == 1 else f"·x^{power}"


def plot_data(
    x: Sequence[float],
    y: Sequence[float],
    *,
    title: str = "",
    x_min: float | None = None,
    x_max: float | None = None,
    x_label: str = "",
    y_label: str = "",
    interpolation_curve: Callable[[float], float] | None = None,
    **_ignored: object,
) -> None:
    """Print a plot of points, and of a curve through them."""
    import click
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(80, 22)
    plotext.scatter(list(x), list(y), marker="o")
    low, high = (min(x) if x_min is None else x_min), (max(x) if x_max is None else x_max)
    if interpolation_curve is not None and low < high:
        at = linspace(low, high, 100)
        plotext.plot(at, [interpolation_curve(each) for each in at], marker="braille")
    plotext.title(title)
    plotext.xlabel(x_label)
    plotext.ylabel(y_label)
    click.echo(plotext.build())


def crunch_data_and_confirm_with_user(calibration: C, initial_degree: int = 1, **_ignored: object) -> C:
    """Fit a polynomial to what was recorded, show it, ask for another degree until the person is content."""
    import click

    from pioreactor.calibrations.fitting import fit_curve

    xs, ys = calibration.recorded_data["x"], calibration.recorded_data["y"]
    degree: int = min(initial_degree, len(set(xs)) - 1)
    while True:
        curve = fit_curve(xs, ys, "poly", complexity=degree)
        calibration.curve_data_ = curve
        plot_data(
            xs,
            ys,
            title=calibration.calibration_name,
            x_label=calibration.x,
            y_label=calibration.y,
            interpolation_curve=curve.curve.evaluate,
        )
        click.echo(curve_to_functional_form("poly", curve))
        answer = click.prompt("Content? (y, or the degree of another fit)", default="y")
        if not str(answer).isdigit():
            return calibration
        degree = min(int(answer), len(set(xs)) - 1)
