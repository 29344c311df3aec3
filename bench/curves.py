"""Times a curve's evaluation and inversion, in the same run against numpy's roots of the same polynomial."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from pioreactor.science.curves import Curve, PiecewiseCubic, Polynomial, invert
from pioreactor.science.curves.fitting import akima_fit, spline_fit


def microseconds(run: Callable[[float], object], low: float, high: float) -> float:
    values = [low + (high - low) * k / 500 for k in range(501)]
    run(values[0])
    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        for value in values:
            run(value)
        best = min(best, (time.perf_counter() - start) / len(values))
    return best * 1e6


def main() -> None:
    x = [k / 4 for k in range(60)]
    y = [math.log1p(value) + 0.05 * value for value in x]
    quintic = [3e-6, -1e-4, 1.2e-3, 1e-3, 0.4, 0.0]
    curves: dict[str, Curve] = {
        "line": Polynomial([0.0911, 0.0]),
        "quintic": Polynomial(quintic),
        "spline, 6 knots": PiecewiseCubic(*spline_fit(x, y, knots=6)),
        "akima, 60 knots": PiecewiseCubic(*akima_fit(x, y)),
        "akima, 60 knots, up and down": PiecewiseCubic(*akima_fit(x, [math.sin(value) for value in x])),
    }
    print(f"{'curve':<30} evaluate µs  invert µs")
    for name, curve in curves.items():
        low, high = curve.evaluate(0.5), curve.evaluate(7.0)
        forwards = microseconds(curve.evaluate, 0.0, 15.0)

        def back(level: float, curve: Curve = curve) -> float:
            return invert(curve, level, low=0.0, high=15.0)

        print(f"{name:<30} {forwards:11.2f} {microseconds(back, min(low, high), max(low, high)):10.2f}")
    reference = microseconds(lambda level: np.roots([*quintic[:-1], -level]), 0.2, 3.0)
    print(f"{'numpy roots of the quintic':<30} {'':11} {reference:10.2f}")


if __name__ == "__main__":
    main()
