"""How wide the band of a growth rate should be, by how steady that growth rate has been for hours."""

from __future__ import annotations

import math

MEAN_MEMORY_S = 3600.0
SQUARE_MEMORY_S = 7200.0
YOUNG_S = 180.0
"""The mean forgets within its age, but not sooner than this."""
MOST = 9.0
"""One excursion counts no more than three standard deviations."""
STEADY = 0.8
RESTLESS = 1.5
NARROWEST = 0.6
WIDEST = 1.05


class Steadiness:
    """Compare the growth rate with its mean over an hour, in units of its standard deviation.

    Every filter must allow for growth that changes within the next minutes, so in a culture whose growth does not
    change, the standard deviation is about twice the error. One that has kept to its mean for hours earns a narrower
    band; one that drifts gets a slightly wider one, because the estimate lags behind it.
    """

    __slots__ = ("_age_s", "_mean", "_square")

    def __init__(self) -> None:
        self._age_s = 0.0
        self._mean = 0.0
        self._square = RESTLESS * RESTLESS

    def add(self, dt_s: float, rate: float, variance: float) -> float:
        """Take in an estimate `dt_s` after the one before; return the factor for its standard deviation."""
        if self._age_s == 0.0:
            self._mean = rate
        self._age_s += dt_s
        memory_s = min(MEAN_MEMORY_S, max(self._age_s, YOUNG_S))
        self._mean += dt_s / (memory_s + dt_s) * (rate - self._mean)
        off = rate - self._mean
        square = min(off * off / variance, MOST)
        self._square += dt_s / (SQUARE_MEMORY_S + dt_s) * (square - self._square)
        unrest = math.sqrt(self._square)
        if unrest <= STEADY:
            return NARROWEST
        if unrest >= RESTLESS:
            return WIDEST
        return NARROWEST + (WIDEST - NARROWEST) * (unrest - STEADY) / (RESTLESS - STEADY)

    def state(self) -> dict[str, float]:
        return {"age_s": self._age_s, "mean": self._mean, "square": self._square}

    def restore(self, state: dict[str, float]) -> None:
        self._age_s = float(state["age_s"])
        self._mean = float(state["mean"])
        self._square = float(state["square"])
