"""Kalman filter of a culture: ln OD, growth rate and pump gain, for one process noise of the growth rate."""

from __future__ import annotations

import math
from typing import Any

State = dict[str, Any]
"""What a part of the estimator keeps over a restart, as JSON values."""

_KEPT = ("weight", "level", "rate", "gain", "cll", "clm", "clg", "cmm", "cmg", "cgg")


class GrowthModel:
    """Mean and covariance of [ln OD, growth rate 1/h, pump gain] for a growth rate that follows a random walk.

    `process_noise` is the standard deviation [1/h] of its change in one hour (it grows as the root of time).
    Covariances are named by their two states: l(evel), m(u, the rate), g(ain). Matrices are written out: three
    states do not repay a matrix library, and the loop runs on a Raspberry Pi.
    """

    __slots__ = (*_KEPT, "likelihood", "process_noise_var")

    def __init__(self, process_noise: float, weight: float) -> None:
        self.process_noise_var = process_noise * process_noise
        self.weight = weight
        self.level = self.rate = 0.0
        self.gain = 1.0
        self.cll = self.cmm = self.cgg = 0.0
        self.clm = self.clg = self.cmg = 0.0
        self.likelihood = 0.0

    def predict(self, dt_h: float, dilution: float, level_var: float, gain_var: float) -> None:
        """Predict over `dt_h` with a dilution (fall of ln OD at nominal volume)."""
        q = self.process_noise_var * dt_h
        cmm = self.cmm
        clm = self.clm
        cmg = self.cmg
        new_clm = clm + dt_h * cmm
        if dilution == 0.0:
            self.level += self.rate * dt_h
            self.cll += dt_h * (clm + new_clm) + level_var + q * dt_h * dt_h / 3
            self.clg += dt_h * cmg
        else:
            self.level += self.rate * dt_h - self.gain * dilution
            clg = self.clg
            new_clm -= dilution * cmg
            new_clg = clg + dt_h * cmg - dilution * self.cgg
            self.cll += dt_h * (clm + new_clm) - dilution * (clg + new_clg) + level_var + q * dt_h * dt_h / 3
            self.clg = new_clg
        self.clm = new_clm + q * dt_h / 2
        self.cmm = cmm + q
        self.cgg += gain_var

    def update(self, level: float, noise_var: float) -> None:
        """Update with a reading of ln OD; store its log-likelihood (without the constant) in `likelihood`."""
        cll = self.cll
        clm = self.clm
        clg = self.clg
        off = level - self.level
        s = cll + noise_var
        share = off / s
        self.level += cll * share
        self.rate += clm * share
        self.gain += clg * share
        self.likelihood = -0.5 * (math.log(s) + off * share)
        self.cmm -= clm * clm / s
        self.cmg -= clm * clg / s
        self.cgg -= clg * clg / s
        keep = noise_var / s
        self.cll = cll * keep
        self.clm = clm * keep
        self.clg = clg * keep

    def moments(self) -> tuple[float, ...]:
        """Return means, then covariances, as input of `merge`."""
        return (
            self.level, self.rate, self.gain, self.cll, self.clm, self.clg, self.cmm, self.cmg, self.cgg,
        )  # fmt: skip

    def merge(self, moments: tuple[float, ...], share: float) -> None:
        """Replace the moments by those of the mixture with a neighbor, whose weight is `share`."""
        level, rate, gain, cll, clm, clg, cmm, cmg, cgg = moments
        dl = level - self.level
        dm = rate - self.rate
        dg = gain - self.gain
        spread = 1 - share
        el = spread * dl
        em = spread * dm
        self.level += share * dl
        self.rate += share * dm
        self.gain += share * dg
        self.cll += share * (cll - self.cll + el * dl)
        self.clm += share * (clm - self.clm + el * dm)
        self.clg += share * (clg - self.clg + el * dg)
        self.cmm += share * (cmm - self.cmm + em * dm)
        self.cmg += share * (cmg - self.cmg + em * dg)
        self.cgg += share * (cgg - self.cgg + spread * dg * dg)

    def state(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in _KEPT}

    def restore(self, state: dict[str, float]) -> None:
        for name in _KEPT:
            setattr(self, name, float(state[name]))
