"""Interacting multiple models (IMM): Kalman filters of different process noise, weighted by likelihood.

Source: Blom & Bar-Shalom, IEEE Transactions on Automatic Control 33 (1988) 780–783.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pioreactor.science.growth_rate.fed_model import FedModel
from pioreactor.science.growth_rate.model import GrowthModel, State

MIN_WEIGHT = 1e-12
NEGLIGIBLE_SHARE = 1e-9


class FilterBank:
    """Filters ordered from slow to fast. Weights sum to one; neighbors exchange weight and moments over time.

    `faster_per_h[i]` is the transition rate [1/h] of a culture from model i to model i+1, `slower_per_h[i]` that of the
    way back.
    """

    __slots__ = ("_faster_per_h", "_flow_shares", "_flows_dt_h", "_slower_per_h", "interacted_s", "models")

    def __init__(
        self, models: Sequence[GrowthModel], faster_per_h: Sequence[float], slower_per_h: Sequence[float]
    ) -> None:
        self.models = list(models)
        self._faster_per_h = tuple(faster_per_h)
        self._slower_per_h = tuple(slower_per_h)
        self.interacted_s = 0.0
        """Time of the last interaction step."""
        self._flows_dt_h = 0.0
        self._flow_shares: tuple[list[float], list[float]] = ([0.0] * len(faster_per_h), [0.0] * len(slower_per_h))

    def interact(self, dt_h: float) -> None:
        """Run the interaction step for `dt_h`: move weight between neighbors, based on the weights before the step."""
        faster, slower = self._flows(dt_h)
        previous = [(model.weight, model.moments()) for model in self.models]
        below: tuple[float, tuple[float, ...]] | None = None
        last = len(previous) - 1
        for i, model in enumerate(self.models):
            weight, _ = current = previous[i]
            left = weight
            if i < last:
                left -= weight * faster[i]
            if below is not None:
                left -= weight * slower[i - 1]
                amount = below[0] * faster[i - 1]
                left += amount
                if amount > NEGLIGIBLE_SHARE * left:
                    model.merge(below[1], amount / left)
            if i < last:
                above = previous[i + 1]
                amount = above[0] * slower[i]
                left += amount
                if amount > NEGLIGIBLE_SHARE * left:
                    model.merge(above[1], amount / left)
            model.weight = left
            below = current

    def _flows(self, dt_h: float) -> tuple[list[float], list[float]]:
        """Return the shares that move to the next faster and slower model within `dt_h`; cached, it rarely changes."""
        if dt_h != self._flows_dt_h:
            self._flows_dt_h = dt_h
            self._flow_shares = (
                [0.5 - 0.5 * math.exp(-2 * rate * dt_h) for rate in self._faster_per_h],
                [0.5 - 0.5 * math.exp(-2 * rate * dt_h) for rate in self._slower_per_h],
            )
        return self._flow_shares

    def predict(self, dt_h: float, dilution: float, level_var: float, gain_var: float) -> None:
        for model in self.models:
            model.predict(dt_h, dilution, level_var, gain_var)

    def loosen_level(self, variance: float) -> None:
        """Increase the variance of the level, keeping the growth rate."""
        for model in self.models:
            model.cll += variance

    def expected_level(self) -> tuple[float, float]:
        """Mean and variance of ln OD."""
        mean = square = 0.0
        origin = self.models[0].level
        for model in self.models:
            off = model.level - origin
            mean += model.weight * off
            square += model.weight * (model.cll + off * off)
        return origin + mean, square - mean * mean

    def correct(self, level: float, noise_var: float, power: float) -> float:
        """Update all filters with a reading; return its combined log-likelihood (raised to `power`)."""
        best = -math.inf
        for model in self.models:
            model.update(level, noise_var)
            if model.likelihood > best:
                best = model.likelihood
        total = 0.0
        for model in self.models:
            weight = model.weight * math.exp(power * (model.likelihood - best))
            model.weight = weight if weight > MIN_WEIGHT else MIN_WEIGHT
            total += model.weight
        for model in self.models:
            model.weight /= total
        return power * best + math.log(total)

    def rate(self) -> tuple[float, float]:
        """Mean and variance of the growth rate [1/h]."""
        mean = square = 0.0
        for model in self.models:
            mean += model.weight * model.rate
            square += model.weight * (model.cmm + model.rate * model.rate)
        return mean, square - mean * mean

    def gain(self) -> tuple[float, float]:
        """Mean and variance of the pump gain."""
        mean = square = 0.0
        for model in self.models:
            off = model.gain - 1
            mean += model.weight * off
            square += model.weight * (model.cgg + off * off)
        return 1 + mean, square - mean * mean

    def state(self) -> list[dict[str, float]]:
        return [model.state() for model in self.models]

    def restore(self, state: list[dict[str, float]]) -> None:
        for model, kept in zip(self.models, state, strict=True):
            model.restore(kept)


class FedFilterBank(FilterBank):
    """Filter bank of a culture whose growth follows its doses; `fed` is recent dilution relative to the usual."""

    __slots__ = (
        "_boost_process_noise_var",
        "_fed_models",
        "_memory_s",
        "_recent",
        "_usual",
        "_usual_memory_s",
        "fed",
        "weight",
    )

    def __init__(
        self,
        start: FilterBank,
        *,
        boost_sd: float,
        boost_process_noise: float,
        memory_s: float,
        usual_memory_s: float,
        weight: float,
    ) -> None:
        self._fed_models = [FedModel(0.0, model.weight) for model in start.models]
        super().__init__(self._fed_models, start._faster_per_h, start._slower_per_h)
        for model, like in zip(self._fed_models, start.models, strict=True):
            model.process_noise_var = like.process_noise_var
            model.begin(like, boost_sd * boost_sd)
        self.interacted_s = start.interacted_s
        self._boost_process_noise_var = boost_process_noise * boost_process_noise
        self._memory_s = memory_s
        self._usual_memory_s = usual_memory_s
        self._recent = self._usual = self.fed = 0.0
        self.weight = weight

    def feed(self, dt_s: float, dilution: float) -> None:
        """Decay the effect of earlier doses and add that of a dilution."""
        before = self.fed
        self._recent = self._recent * math.exp(-dt_s / self._memory_s) + dilution
        self._usual += (1 - math.exp(-dt_s / self._usual_memory_s)) * (self._recent - self._usual)
        self.fed = self._recent - self._usual
        mean = (before + self.fed) / 2
        boost_var = self._boost_process_noise_var * dt_s / 3600
        for model in self._fed_models:
            model.fed = mean
            model.cbb += boost_var

    def rate(self) -> tuple[float, float]:
        mean = square = 0.0
        for model in self._fed_models:
            model.fed = self.fed
            rate, variance = model.now()
            mean += model.weight * rate
            square += model.weight * (variance + rate * rate)
        return mean, square - mean * mean

    def boosted_rate(self) -> tuple[float, float]:
        """Mean and variance of the part of the growth rate [1/h] that doses explain."""
        mean = square = 0.0
        for model in self._fed_models:
            mean += model.weight * model.boost
            square += model.weight * (model.cbb + model.boost * model.boost)
        return self.fed * mean, self.fed * self.fed * (square - mean * mean)

    def fed_state(self) -> State:
        return {
            "models": self.state(),
            "recent": self._recent,
            "usual": self._usual,
            "weight": self.weight,
            "mixed_s": self.interacted_s,
        }

    def restore_fed(self, state: State) -> None:
        self.restore(state["models"])
        self._recent = state["recent"]
        self._usual = state["usual"]
        self.fed = self._recent - self._usual
        self.weight = state["weight"]
        self.interacted_s = state.get("mixed_s", self.interacted_s)
