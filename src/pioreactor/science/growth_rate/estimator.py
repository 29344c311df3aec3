"""Online estimate of growth rate, filtered OD and pump gain from readings and announced doses, one at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from pioreactor.science.growth_rate.dilution import Dilution, log_dilution
from pioreactor.science.growth_rate.imm_filter_bank import FedFilterBank, FilterBank
from pioreactor.science.growth_rate.model import GrowthModel, State
from pioreactor.science.growth_rate.noise_estimation import ReadingNoise
from pioreactor.science.growth_rate.steady_state import Steadiness

STATE_VERSION = 1
SECONDS_PER_HOUR = 3600.0
MAX_PREDICTION_H = 1.0
"""After a longer gap [h] the vial may have been changed: the level is reset, the growth rate becomes uncertain."""
UNKNOWN_LEVEL_VAR = 1.0
MIN_FED_WEIGHT = 1e-3
UNSETTLED = 1e-3
"""Remaining mixing transient [ln OD] above which readings are not used to estimate noise."""
CLOCK_SET_BACK_AFTER = 3
"""This many consecutive readings from before the last one mean that the clock was set back."""


class Estimate(NamedTuple):
    """Estimate after a reading. Rates per hour; `_sd` are standard deviations; `noise_cv` is a fraction of OD."""

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
    """`used`, `outlier` (down-weighted), `level_shift`, or why it was skipped: `not_positive`, `out_of_order`."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Prior assumptions about cultures, pumps and photodiodes. All times in seconds or hours."""

    process_noise: tuple[float, ...] = (0.002, 0.012, 0.1, 0.9)
    """Process noise of the growth rate in each model [1/h, standard deviation after one hour], slowest first."""
    faster_per_h: tuple[float, ...] = (0.1, 0.1, 0.2)
    """Transition rates to the next faster model [1/h]."""
    slower_per_h: tuple[float, ...] = (0.7, 0.7, 10.0)
    """Transition rates to the next slower model [1/h]."""
    mixing_interval_s: float = 18.0
    start_rate_sd: float = 0.6
    start_gain: float = 1.0
    gain_sd: float = 0.1
    gain_process_noise: float = 0.003
    """Process noise of the pump gain, from wear: standard deviation after one hour."""
    dose_sd: float = 0.05
    """Standard deviation of one dose, as a fraction of it."""
    unsettled_sd: float = 2.0
    """Standard deviation of readings while a dose mixes, as a fraction of the remaining transient."""
    mixing_s: float = 4.0
    settling_s: float = 12.0
    huber_z: float = 2.5
    outlier_z: float = 4.0
    shift_z: float = 3.5
    shift_after_s: float = 22.0
    shift_readings: int = 4
    evidence_power: float = 0.5
    boost_sd: float = 3.0
    """Growth rate [1/h] that one unit of ln dilution may add temporarily, if growth follows doses."""
    boost_process_noise: float = 2.0
    """Process noise of that effect: standard deviation after one hour."""
    boost_cost_per_h: float = 0.0
    """Log-likelihood per hour subtracted from the hypothesis that growth follows doses."""
    fed_memory_s: float = 600.0
    usual_memory_s: float = 3600.0
    fed_weight: float = 0.005
    """Prior probability that growth follows doses."""
    earn_band: bool = True
    """Narrow the published band of a culture that is steady for hours."""


class GrowthRateEstimator:
    """Online estimator: takes every dose and reading in time order; its state is a few hundred bytes."""

    def __init__(self, *, vial_volume_ml: float = 14.0, assumptions: Assumptions | None = None) -> None:
        if not vial_volume_ml > 0:
            raise ValueError(f"the vial volume must be above 0 mL, not {vial_volume_ml}")
        a = assumptions if assumptions is not None else Assumptions()
        self.assumptions = a
        self.vial_volume_ml = vial_volume_ml
        self._dilution = Dilution(mixing_s=a.mixing_s, settling_s=a.settling_s)
        self._noise = ReadingNoise()
        self._steadiness = Steadiness()
        models = [GrowthModel(process_noise, 1 / len(a.process_noise)) for process_noise in a.process_noise]
        self._steady = FilterBank(models, a.faster_per_h, a.slower_per_h)
        self._fed: FedFilterBank | None = None
        self._t_s: float | None = None
        self._dilution_offset = 0.0
        self._deviations = 0
        self._deviations_since_s = 0.0
        self._behind = 0
        self._last = Estimate(0.0, a.start_rate_sd, 0.0, 0.0, a.start_gain, a.gain_sd, False, 0.01, "not_positive")

    def dose(self, t_s: float, added_ml: float, vial_volume_ml: float | None = None) -> None:
        """Announce liquid added to the vial, whole or in slices.

        `vial_volume_ml` is the volume before the dose (default: the usual volume). A negative `added_ml` cancels that
        much of an earlier dose; then the volume is the one before that dose.
        """
        volume = vial_volume_ml if vial_volume_ml is not None else self.vial_volume_ml
        if not (math.isfinite(added_ml) and volume > 0):
            raise ValueError(f"cannot add {added_ml} mL to a vial of {volume} mL")
        self._dilution.announce(t_s, log_dilution(added_ml, volume))

    def update(self, t_s: float, od: float) -> Estimate:
        """Update with one reading of OD (any unit, positive) at `t_s`; unusable readings change nothing."""
        if not (od > 0 and math.isfinite(od)):
            return self._last._replace(outcome="not_positive", outlier=True)
        if not self._in_order(t_s):
            return self._last._replace(outcome="out_of_order", outlier=True)
        level = math.log(od)
        if self._t_s is None:
            self._begin(t_s, level)
        dt_s = t_s - (self._t_s if self._t_s is not None else t_s)
        seen = self._predict(t_s)
        excess = self._noise.excess
        unsettled = self.assumptions.unsettled_sd * self._dilution.unsettled
        noise_var = self._noise.white * excess + unsettled * unsettled
        outcome, weight_down = self._classify(t_s, level, noise_var)
        self._correct(dt_s, level, noise_var * weight_down, excess)
        self._dilution_offset += seen * self._last.pump_gain
        if outcome == "level_shift":
            self._noise.restart()
        elif self._dilution.unsettled < UNSETTLED:
            self._noise.add(t_s, level + self._dilution_offset)
        else:
            self._noise.restart()
        self._t_s = t_s
        self._last = self._summarize(outcome, dt_s)
        return self._last

    @property
    def boosted_rate(self) -> tuple[float, float]:
        """Mean and variance of the part of the growth rate [1/h] that follows doses; 0 where growth does not."""
        if self._fed is None:
            return 0.0, 0.0
        mean, variance = self._fed.boosted_rate()
        return _blend(0.0, 0.0, mean, variance, self._fed.weight)

    def _begin(self, t_s: float, level: float) -> None:
        a = self.assumptions
        self._t_s = t_s
        self._steady.interacted_s = t_s
        self._dilution.release(t_s)
        for model in self._steady.models:
            model.level = level
            model.cll = UNKNOWN_LEVEL_VAR
            model.cmm = a.start_rate_sd * a.start_rate_sd
            model.gain = a.start_gain
            model.cgg = a.gain_sd * a.gain_sd

    def _in_order(self, t_s: float) -> bool:
        """Reject a reading from before the last one, unless several in a row show that the clock was set back."""
        if self._t_s is None or t_s >= self._t_s:
            self._behind = 0
            return math.isfinite(t_s)
        self._behind += 1
        if self._behind < CLOCK_SET_BACK_AFTER or not math.isfinite(t_s):
            return False
        self._behind = 0
        self._t_s = t_s
        for bank in self._banks():
            bank.interacted_s = t_s
        self._dilution.set_clock(t_s)
        self._noise.restart()
        return True

    def _predict(self, t_s: float) -> float:
        a = self.assumptions
        assert self._t_s is not None
        self._noise.wait(t_s - self._t_s)
        gap_h = (t_s - self._t_s) / SECONDS_PER_HOUR
        dt_h = min(gap_h, MAX_PREDICTION_H)
        seen = self._dilution.release(t_s)
        level_var = a.dose_sd * a.dose_sd * self._dilution.square
        if gap_h > MAX_PREDICTION_H:
            level_var += UNKNOWN_LEVEL_VAR
        gain_var = a.gain_process_noise * a.gain_process_noise * dt_h
        if seen != 0.0 and self._fed is None and a.fed_weight > 0:
            self._fed = self._new_fed_bank()
        if self._fed is not None:
            self._fed.feed(t_s - self._t_s, seen)
        self._interact(t_s)
        self._steady.predict(dt_h, seen, level_var, gain_var)
        if self._fed is not None:
            self._fed.predict(dt_h, seen, level_var, gain_var)
        return seen

    def _interact(self, t_s: float) -> None:
        """Run the interaction step of the bank that is most overdue; never both at one reading, to bound its cost."""
        bank: FilterBank = self._steady
        if self._fed is not None and self._fed.interacted_s < bank.interacted_s:
            bank = self._fed
        since_interaction_s = t_s - bank.interacted_s
        if since_interaction_s >= self.assumptions.mixing_interval_s:
            bank.interacted_s = t_s
            bank.interact(min(since_interaction_s / SECONDS_PER_HOUR, MAX_PREDICTION_H))

    def _new_fed_bank(self) -> FedFilterBank:
        a = self.assumptions
        return FedFilterBank(
            self._steady,
            boost_sd=a.boost_sd,
            boost_process_noise=a.boost_process_noise,
            memory_s=a.fed_memory_s,
            usual_memory_s=a.usual_memory_s,
            weight=a.fed_weight,
        )

    def _banks(self) -> tuple[FilterBank, ...]:
        return (self._steady,) if self._fed is None else (self._steady, self._fed)

    def _expected(self) -> tuple[float, float]:
        mean, variance = self._steady.expected_level()
        if self._fed is not None:
            fed_mean, fed_variance = self._fed.expected_level()
            mean, variance = _blend(mean, variance, fed_mean, fed_variance, self._fed.weight)
        return mean, variance

    def _classify(self, t_s: float, level: float, noise_var: float) -> tuple[str, float]:
        """Compare a reading with the combined forecast; return its outcome and the factor for its variance."""
        a = self.assumptions
        expected, variance = self._expected()
        z = (level - expected) / math.sqrt(variance + noise_var)
        size = abs(z)
        if size <= a.shift_z:
            self._deviations = 0
        elif self._shifted(t_s, 1 if z > 0 else -1):
            for bank in self._banks():
                bank.loosen_level(UNKNOWN_LEVEL_VAR)
            return "level_shift", 1.0
        if size <= a.huber_z:
            return "used", 1.0
        if size <= a.outlier_z:
            return "used", (size / a.huber_z) ** 2
        return "outlier", (size / a.huber_z) ** 2 * (size / a.outlier_z) ** 2

    def _shifted(self, t_s: float, sign: int) -> bool:
        """Count consecutive deviations of the same sign; return whether they amount to a level shift."""
        if self._deviations * sign <= 0:
            self._deviations = 0
            self._deviations_since_s = t_s
        self._deviations += sign
        a = self.assumptions
        if abs(self._deviations) < a.shift_readings or t_s - self._deviations_since_s < a.shift_after_s:
            return False
        self._deviations = 0
        return True

    def _correct(self, dt_s: float, level: float, noise_var: float, excess: float) -> None:
        power = 1.0 if excess == 1.0 else float(excess**-self.assumptions.evidence_power)
        evidence = self._steady.correct(level, noise_var, power)
        fed = self._fed
        if fed is not None:
            cost = self.assumptions.boost_cost_per_h * dt_s / SECONDS_PER_HOUR
            odds = math.exp(max(min(fed.correct(level, noise_var, power) - evidence - cost, 30.0), -30.0))
            weight = fed.weight * odds / (1 - fed.weight + fed.weight * odds)
            fed.weight = min(max(weight, MIN_FED_WEIGHT), 1 - MIN_FED_WEIGHT)

    def _summarize(self, outcome: str, dt_s: float) -> Estimate:
        level, level_var = self._expected()
        rate, rate_var = self._steady.rate()
        gain, gain_var = self._steady.gain()
        fed = self._fed
        pulses_var = 0.0
        if fed is not None:
            share = fed.weight
            fed_rate, fed_var = fed.rate()
            rate, rate_var = _blend(rate, rate_var, fed_rate, fed_var, share)
            gain, gain_var = _blend(gain, gain_var, *fed.gain(), share)
            pulses_var = share * (fed_var + (fed_rate - rate) ** 2)
        factor = self._steadiness.add(dt_s, rate, rate_var) if self.assumptions.earn_band else 1.0
        od = math.exp(level)
        return Estimate(
            rate,
            math.sqrt(factor * factor * rate_var + pulses_var),
            od,
            od * math.sqrt(level_var),
            gain,
            math.sqrt(gain_var),
            outcome == "outlier",
            math.sqrt(self._noise.white),
            outcome,
        )

    def state(self) -> State:
        """Return the state as JSON values, for `from_state` after a restart on the same clock."""
        return {
            "version": STATE_VERSION,
            "vial_volume_ml": self.vial_volume_ml,
            "t_s": self._t_s,
            "mixed_s": self._steady.interacted_s,
            "added_back": self._dilution_offset,
            "last": list(self._last),
            "steady": self._steady.state(),
            "fed": None if self._fed is None else self._fed.fed_state(),
            "noise": self._noise.state(),
            "steadiness": self._steadiness.state(),
            "dilution": self._dilution.state(),
        }

    @classmethod
    def from_state(cls, state: State, *, assumptions: Assumptions | None = None) -> GrowthRateEstimator:
        """Return an estimator continuing from `state()`; the gap widens the uncertainty at the next reading.

        Raise ValueError if the state is of another version or of other assumptions.
        """
        if state.get("version") != STATE_VERSION:
            raise ValueError(f"state of version {state.get('version')} cannot be continued, only {STATE_VERSION}")
        estimator = cls(vial_volume_ml=state["vial_volume_ml"], assumptions=assumptions)
        if len(state["steady"]) != len(estimator._steady.models):
            raise ValueError(f"state holds {len(state['steady'])} models, expected {len(estimator._steady.models)}")
        estimator._t_s = state["t_s"]
        estimator._steady.interacted_s = state["mixed_s"]
        estimator._dilution_offset = state["added_back"]
        estimator._last = Estimate(*state["last"])
        estimator._steady.restore(state["steady"])
        if state["fed"] is not None:
            estimator._fed = estimator._new_fed_bank()
            estimator._fed.restore_fed(state["fed"])
        estimator._noise.restore(state["noise"])
        if "steadiness" in state:
            estimator._steadiness.restore(state["steadiness"])
        estimator._dilution.restore(state["dilution"])
        return estimator


def _blend(mean: float, variance: float, other: float, other_variance: float, share: float) -> tuple[float, float]:
    """Return mean and variance of a mixture of two estimates, with weight `share` of the other."""
    off = other - mean
    return mean + share * off, (1 - share) * variance + share * other_variance + share * (1 - share) * off * off
