"""A culture that grows faster just after each dose, as one limited by the nutrient in the medium does."""

from __future__ import annotations

import math

from pioreactor.science.growth_rate.model import GrowthModel

_KEPT = ("boost", "clb", "cmb", "cgb", "cbb")


class FedModel(GrowthModel):
    """A growth model with a fourth state: the `boost` of the growth rate [1/h] per `fed` (recent ln dilution).

    The algebra of the three states is repeated here, not called: a call per model and reading is what costs most.
    `rate` is the growth without the boost; a negative boost is a dose that slows growth, such as a drug.
    """

    __slots__ = (*_KEPT, "fed")

    def __init__(self, process_noise: float, weight: float) -> None:
        super().__init__(process_noise, weight)
        self.boost = 0.0
        self.clb = self.cmb = self.cgb = self.cbb = 0.0
        self.fed = 0.0

    def predict(self, dt_h: float, dilution: float, level_var: float, gain_var: float) -> None:
        """Let time pass at the present `fed`; set that first."""
        u = self.fed * dt_h
        q = self.process_noise_var * dt_h
        clm = self.clm
        clg = self.clg
        clb = self.clb
        cmg = self.cmg
        cmb = self.cmb
        new_clm = clm + dt_h * self.cmm + u * cmb
        new_clb = clb + dt_h * cmb + u * self.cbb
        cll = self.cll + dt_h * (clm + new_clm) + u * (clb + new_clb) + level_var + q * dt_h * dt_h / 3
        self.level += self.rate * dt_h + u * self.boost
        if dilution != 0.0:
            cgb = self.cgb
            new_clg = clg + dt_h * cmg + u * cgb - dilution * self.cgg
            cll -= dilution * (dt_h * cmg + u * cgb + clg + new_clg)
            new_clm -= dilution * cmg
            new_clb -= dilution * cgb
            self.level -= self.gain * dilution
            self.clg = new_clg
        else:
            self.clg = clg + dt_h * cmg + u * self.cgb
        self.cll = cll
        self.clm = new_clm + q * dt_h / 2
        self.clb = new_clb
        self.cmm += q
        self.cgg += gain_var

    def update(self, level: float, noise_var: float) -> None:
        """Take in a reading of ln OD; leave its log-likelihood (without the constant) in `likelihood`."""
        cll = self.cll
        clm = self.clm
        clg = self.clg
        clb = self.clb
        off = level - self.level
        s = cll + noise_var
        share = off / s
        self.level += cll * share
        self.rate += clm * share
        self.gain += clg * share
        self.boost += clb * share
        self.likelihood = -0.5 * (math.log(s) + off * share)
        km = clm / s
        kg = clg / s
        kb = clb / s
        self.cmm -= clm * km
        self.cmg -= clm * kg
        self.cmb -= clm * kb
        self.cgg -= clg * kg
        self.cgb -= clg * kb
        self.cbb -= clb * kb
        keep = noise_var / s
        self.cll = cll * keep
        self.clm = clm * keep
        self.clg = clg * keep
        self.clb = clb * keep

    def moments(self) -> tuple[float, ...]:
        return (
            self.level, self.rate, self.gain, self.cll, self.clm, self.clg, self.cmm, self.cmg, self.cgg,
            self.boost, self.clb, self.cmb, self.cgb, self.cbb,
        )  # fmt: skip

    def merge(self, moments: tuple[float, ...], share: float) -> None:
        level, rate, gain, cll, clm, clg, cmm, cmg, cgg, boost, clb, cmb, cgb, cbb = moments
        dl = level - self.level
        dm = rate - self.rate
        dg = gain - self.gain
        db = boost - self.boost
        spread = 1 - share
        el = spread * dl
        em = spread * dm
        eg = spread * dg
        self.level += share * dl
        self.rate += share * dm
        self.gain += share * dg
        self.boost += share * db
        self.cll += share * (cll - self.cll + el * dl)
        self.clm += share * (clm - self.clm + el * dm)
        self.clg += share * (clg - self.clg + el * dg)
        self.clb += share * (clb - self.clb + el * db)
        self.cmm += share * (cmm - self.cmm + em * dm)
        self.cmg += share * (cmg - self.cmg + em * dg)
        self.cmb += share * (cmb - self.cmb + em * db)
        self.cgg += share * (cgg - self.cgg + eg * dg)
        self.cgb += share * (cgb - self.cgb + eg * db)
        self.cbb += share * (cbb - self.cbb + spread * db * db)

    def begin(self, model: GrowthModel, boost_var: float) -> None:
        """Start from a model without boost."""
        super().merge(model.moments(), 1.0)
        self.weight = model.weight
        self.boost = self.clb = self.cmb = self.cgb = 0.0
        self.cbb = boost_var

    def now(self) -> tuple[float, float]:
        """Return the growth rate including the boost, and its variance."""
        fed = self.fed
        return self.rate + fed * self.boost, self.cmm + 2 * fed * self.cmb + fed * fed * self.cbb

    def state(self) -> dict[str, float]:
        return super().state() | {name: getattr(self, name) for name in _KEPT}

    def restore(self, state: dict[str, float]) -> None:
        super().restore(state)
        for name in _KEPT:
            setattr(self, name, float(state[name]))
