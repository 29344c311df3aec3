"""Online estimate of growth rate, filtered OD and pump gain from readings and announced doses, one at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from pioreactor.science.growth_rate.dilution import Dilution, log_dilution
from pioreactor.science.growth_rate.mixing import mix
from pioreactor.science.growth_rate.model import GrowthModel
from pioreactor.science.growth_rate.noise import ReadingNoise

STATE_VERSION = 1
SECONDS_PER_HOUR = 3600.0
MAX_PREDICTION_H = 1.0
"""After a longer silence nobody knows what was done to the vial: the level starts anew, the growth rate fades."""
UNKNOWN_LEVEL_VAR = 1.0
CLOCK_SET_BACK_AFTER = 3
"""This many readings in a row from before the last one mean that the clock was set back, not that they are late."""


class Estimate(NamedTuple):
    """What is known after a reading. Rates per hour; `_sd` are standard deviations; `noise_cv` is a share of OD."""

    growth_rate: float
    growth_rate_sd: float
    od_filtered: float
    od_filtered_sd: float
    pump_gain: float
    """Volume delivered over volume announced."""
    pump_gain_sd: float
    outlier: bool
    noise_cv: float
    outcome: str
    """`used`, `outlier` (counted little), `level_shift`, or why it was left out: `not_positive`, `out_of_order`."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is believed about cultures, pumps and readers before the first reading. All times in seconds or hours."""

    wander: tuple[float, ...] = (0.002, 0.012, 0.1, 0.9)
    """Paces at which growth may change [1/h gathered in one hour], slowest first."""
    faster_per_h: tuple[float, ...] = (0.3, 0.3, 0.3)
    slower_per_h: tuple[float, ...] = (0.7, 0.7, 5.0)
    mixing_interval_s: float = 10.0
    start_rate_sd: float = 0.6
    gain_sd: float = 0.1
    gain_wander: float = 0.003
    """Pump wear: standard deviation gathered in one hour."""
    dose_sd: float = 0.05
    """Error of one dose, as a share of it."""
    unsettled_sd: float = 0.3
    """Error of readings while a dose mixes, as a share of what has not settled."""
    mixing_s: float = 4.0
    settling_s: float = 8.0
    huber_z: float = 2.5
    outlier_z: float = 4.0
    shift_z: float = 3.5
    shift_after_s: float = 22.0
    shift_readings: int = 4
    excess_power: float = 1.0
    evidence_power: float = 0.5


class GrowthRateEstimator:
    """Feed it every dose and every reading in time order; it holds a few hundred bytes and never looks back."""

    def __init__(self, *, vial_volume_ml: float = 14.0, assumptions: Assumptions | None = None) -> None:
        if not vial_volume_ml > 0:
            raise ValueError(f"the vial must hold more than 0 mL, not {vial_volume_ml}")
        a = assumptions if assumptions is not None else Assumptions()
        self.assumptions = a
        self.vial_volume_ml = vial_volume_ml
        self._dilution = Dilution(mixing_s=a.mixing_s, settling_s=a.settling_s)
        self._noise = ReadingNoise()
        self._models = [GrowthModel(wander, 1 / len(a.wander)) for wander in a.wander]
        self._t_s: float | None = None
        self._mixed_s = 0.0
        self._added_back = 0.0
        self._strikes = 0
        self._strikes_since_s = 0.0
        self._behind = 0
        self._last = Estimate(0.0, a.start_rate_sd, 0.0, 0.0, 1.0, a.gain_sd, False, 0.01, "not_positive")

    def dose(self, t_s: float, added_ml: float, vial_volume_ml: float | None = None) -> None:
        """Announce liquid added to the vial, whole or in slices; a negative volume corrects an earlier one."""
        volume = vial_volume_ml if vial_volume_ml is not None else self.vial_volume_ml
        if not (math.isfinite(added_ml) and volume > 0):
            raise ValueError(f"cannot add {added_ml} mL to a vial of {volume} mL")
        self._dilution.announce(t_s, log_dilution(added_ml, volume))

    def update(self, t_s: float, od: float) -> Estimate:
        """Take in one reading of OD (any unit, positive) at `t_s`; readings that cannot be used change nothing."""
        if not (od > 0 and math.isfinite(od)):
            return self._last._replace(outcome="not_positive", outlier=True)
        if not self._in_order(t_s):
            return self._last._replace(outcome="out_of_order", outlier=True)
        level = math.log(od)
        if self._t_s is None:
            self._begin(t_s, level)
        seen = self._predict(t_s)
        outcome, weight_down = self._judge(t_s, level)
        self._correct(level, weight_down)
        self._added_back += seen * self._last.pump_gain
        if outcome == "level_shift":
            self._noise.restart()
        elif self._dilution.unsettled < 1e-3:
            self._noise.add(t_s, level + self._added_back)
        self._t_s = t_s
        self._last = self._summarise(outcome)
        return self._last

    def _begin(self, t_s: float, level: float) -> None:
        a = self.assumptions
        self._t_s = t_s
        self._mixed_s = t_s
        self._dilution.release(t_s)
        for model in self._models:
            model.level = level
            model.cll = UNKNOWN_LEVEL_VAR
            model.cmm = a.start_rate_sd * a.start_rate_sd
            model.cgg = a.gain_sd * a.gain_sd

    def _in_order(self, t_s: float) -> bool:
        """Refuse a reading from before the last one, but not forever: a clock that was set back is believed."""
        if self._t_s is None or t_s >= self._t_s:
            self._behind = 0
            return math.isfinite(t_s)
        self._behind += 1
        if self._behind < CLOCK_SET_BACK_AFTER or not math.isfinite(t_s):
            return False
        self._behind = 0
        self._t_s = self._mixed_s = t_s
        self._dilution.set_clock(t_s)
        self._noise.restart()
        return True

    def _predict(self, t_s: float) -> float:
        a = self.assumptions
        assert self._t_s is not None
        gap_h = (t_s - self._t_s) / SECONDS_PER_HOUR
        dt_h = min(gap_h, MAX_PREDICTION_H)
        elapsed_s = t_s - self._mixed_s
        if elapsed_s >= a.mixing_interval_s:
            h = min(elapsed_s / SECONDS_PER_HOUR, MAX_PREDICTION_H)
            mix(
                self._models,
                [0.5 - 0.5 * math.exp(-2 * rate * h) for rate in a.faster_per_h],
                [0.5 - 0.5 * math.exp(-2 * rate * h) for rate in a.slower_per_h],
            )
            self._mixed_s = t_s
        seen = self._dilution.release(t_s)
        level_var = a.dose_sd * a.dose_sd * self._dilution.square
        if gap_h > MAX_PREDICTION_H:
            level_var += UNKNOWN_LEVEL_VAR
        gain_var = a.gain_wander * a.gain_wander * dt_h
        for model in self._models:
            model.predict(dt_h, seen, level_var, gain_var)
        return seen

    def _noise_var(self) -> float:
        a = self.assumptions
        unsettled = a.unsettled_sd * self._dilution.unsettled
        return self._noise.white * float(self._noise.excess**a.excess_power) + unsettled * unsettled

    def _judge(self, t_s: float, level: float) -> tuple[str, float]:
        """Compare a reading with what all models together expect: how to call it, and by what to raise its variance."""
        a = self.assumptions
        expected = 0.0
        for model in self._models:
            expected += model.weight * model.level
        variance = self._noise_var()
        for model in self._models:
            off = model.level - expected
            variance += model.weight * (model.cll + off * off)
        z = (level - expected) / math.sqrt(variance)
        size = abs(z)
        if size > a.shift_z:
            sign = 1 if z > 0 else -1
            if self._strikes * sign <= 0:
                self._strikes = 0
                self._strikes_since_s = t_s
            self._strikes += sign
            if abs(self._strikes) >= a.shift_readings and t_s - self._strikes_since_s >= a.shift_after_s:
                self._strikes = 0
                for model in self._models:
                    model.cll += UNKNOWN_LEVEL_VAR
                return "level_shift", 1.0
        else:
            self._strikes = 0
        if size <= a.huber_z:
            return "used", 1.0
        if size <= a.outlier_z:
            return "used", (size / a.huber_z) ** 2
        return "outlier", (size / a.huber_z) ** 2 * (size / a.outlier_z) ** 2

    def _correct(self, level: float, weight_down: float) -> None:
        noise_var = self._noise_var() * weight_down
        power = self._noise.excess**-self.assumptions.evidence_power
        best = -math.inf
        for model in self._models:
            model.update(level, noise_var)
            best = max(best, model.likelihood)
        total = 0.0
        for model in self._models:
            model.weight = max(model.weight * math.exp(power * (model.likelihood - best)), 1e-12)
            total += model.weight
        for model in self._models:
            model.weight /= total

    def _summarise(self, outcome: str) -> Estimate:
        rate = level = gain = 0.0
        for model in self._models:
            w = model.weight
            rate += w * model.rate
            level += w * model.level
            gain += w * model.gain
        rate_var = level_var = gain_var = 0.0
        for model in self._models:
            w = model.weight
            dm = model.rate - rate
            dl = model.level - level
            rate_var += w * (model.cmm + dm * dm)
            level_var += w * (model.cll + dl * dl)
            gain_var += w * model.cgg
        od = math.exp(level)
        return Estimate(
            rate,
            math.sqrt(rate_var),
            od,
            od * math.sqrt(level_var),
            gain,
            math.sqrt(gain_var),
            outcome == "outlier",
            math.sqrt(self._noise.white),
            outcome,
        )

    def state(self) -> dict[str, Any]:
        """Everything learned, as plain JSON: give it to `from_state` after a restart, on the same clock."""
        return {
            "version": STATE_VERSION,
            "vial_volume_ml": self.vial_volume_ml,
            "t_s": self._t_s,
            "mixed_s": self._mixed_s,
            "added_back": self._added_back,
            "last": list(self._last),
            "models": [model.state() for model in self._models],
            "noise": self._noise.state(),
            "dilution": self._dilution.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], *, assumptions: Assumptions | None = None) -> GrowthRateEstimator:
        """Continue from `state()`. Time that passed meanwhile widens the uncertainty at the next reading.

        Raises ValueError if the state is of another version or of other assumptions.
        """
        if state.get("version") != STATE_VERSION:
            raise ValueError(f"state of version {state.get('version')} cannot be continued, only {STATE_VERSION}")
        estimator = cls(vial_volume_ml=state["vial_volume_ml"], assumptions=assumptions)
        if len(state["models"]) != len(estimator._models):
            raise ValueError(f"state holds {len(state['models'])} models, expected {len(estimator._models)}")
        estimator._t_s = state["t_s"]
        estimator._mixed_s = state["mixed_s"]
        estimator._added_back = state["added_back"]
        estimator._last = Estimate(*state["last"])
        for model, kept in zip(estimator._models, state["models"], strict=True):
            model.restore(kept)
        estimator._noise.restore(state["noise"])
        estimator._dilution.restore(state["dilution"])
        return estimator
