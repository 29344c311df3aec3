"""A culture that grows faster just after each dose, as one limited by the nutrient in the medium does."""

from __future__ import annotations

from typing import Any

from pioreactor.science.growth_rate.model import GrowthModel

_KEPT = ("boost", "clb", "cmb", "cgb", "cbb")


class FedModel(GrowthModel):
    """A growth model with a fourth state: the `boost` of the growth rate [1/h] per `fed` (recent ln dilution).

    `rate` is the growth without the boost; a negative boost is a dose that slows growth, such as a drug.
    """

    __slots__ = (*_KEPT, "fed")

    def __init__(self, wander: float, weight: float) -> None:
        super().__init__(wander, weight)
        self.boost = 0.0
        self.clb = self.cmb = self.cgb = self.cbb = 0.0
        self.fed = 0.0

    def predict(self, dt_h: float, dilution: float, level_var: float, gain_var: float) -> None:
        """Let time pass at the present `fed`; set that first."""
        u = self.fed * dt_h
        clb = self.clb
        new_clb = clb + dt_h * self.cmb - dilution * self.cgb + u * self.cbb
        self.level += u * self.boost
        super().predict(dt_h, dilution, level_var, gain_var)
        self.clm += u * self.cmb
        self.clg += u * self.cgb
        self.cll += u * (clb + new_clb) + dt_h * u * self.cmb - dilution * u * self.cgb
        self.clb = new_clb

    def update(self, level: float, noise_var: float) -> None:
        clm = self.clm
        clg = self.clg
        clb = self.clb
        s = self.cll + noise_var
        k = clb / s
        self.boost += k * (level - self.level)
        super().update(level, noise_var)
        self.cmb -= clm * k
        self.cgb -= clg * k
        self.cbb -= clb * k
        self.clb = clb * noise_var / s

    def moments(self) -> tuple[float, ...]:
        return (*super().moments(), self.boost, self.clb, self.cmb, self.cgb, self.cbb)

    def absorb(self, moments: tuple[float, ...], share: float) -> None:
        boost, clb, cmb, cgb, cbb = moments[9:]
        spread = 1 - share
        dl = moments[0] - self.level
        dm = moments[1] - self.rate
        dg = moments[2] - self.gain
        db = boost - self.boost
        self.boost += share * db
        self.clb += share * (clb - self.clb + spread * dl * db)
        self.cmb += share * (cmb - self.cmb + spread * dm * db)
        self.cgb += share * (cgb - self.cgb + spread * dg * db)
        self.cbb += share * (cbb - self.cbb + spread * db * db)
        super().absorb(moments, share)

    def begin(self, model: GrowthModel, boost_var: float) -> None:
        """Start from a model that knows of no boost."""
        super().absorb(model.moments(), 1.0)
        self.weight = model.weight
        self.boost = self.clb = self.cmb = self.cgb = 0.0
        self.cbb = boost_var

    def now(self) -> tuple[float, float]:
        """Growth rate with the boost, and its variance."""
        fed = self.fed
        return self.rate + fed * self.boost, self.cmm + 2 * fed * self.cmb + fed * fed * self.cbb

    def state(self) -> dict[str, Any]:
        return super().state() | {name: getattr(self, name) for name in _KEPT}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        for name in _KEPT:
            setattr(self, name, float(state[name]))
