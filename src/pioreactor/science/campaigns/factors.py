"""What a campaign varies and may not exceed, what was tried, and what is tried next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

Setting = dict[str, float]

MAX_FACTORS: Final = 8
STEPS: Final = 1000
"""How finely a factor without `step` is set: thousandths of its range."""


class Factor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is varied: between `low` and `high`, both included, in multiples of `step` above `low`."""

    name: Annotated[str, Meta(max_length=40)]
    low: float
    high: float
    unit: Annotated[str, Meta(max_length=20)] = ""
    step: float | None = None
    levels: Annotated[int, Meta(ge=2, le=20)] = 3
    """Of a full factorial design."""

    def __post_init__(self) -> None:
        if not (self.name.isascii() and self.name.isidentifier() and self.name.islower()):
            raise ValueError(f"{self.name!r} is no name of a factor: use small letters, digits and underscores")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"`low` of {self.name} must be below `high`, and both finite")
        if self.step is not None and not 0.0 < self.step <= self.high - self.low:
            raise ValueError(f"`step` of {self.name} must be above 0 and fit between `low` and `high`")

    @property
    def resolution(self) -> float:
        return (self.high - self.low) / STEPS if self.step is None else self.step


class LinearLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A safety constraint: the sum of coefficients times factors is at most a number. No setting breaks it."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    sum: dict[str, float]
    at_most: float

    def __post_init__(self) -> None:
        if not self.sum or not all(map(math.isfinite, [*self.sum.values(), self.at_most])):
            raise ValueError(f"the limit {self.name!r} needs factors with finite coefficients, and a finite `at_most`")


class FactorsAndLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings that may be tried."""

    factors: Annotated[Sequence[Factor], Meta(min_length=1, max_length=MAX_FACTORS)]
    limits: Sequence[LinearLimit] = ()

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) < len(names):
            raise ValueError("two factors have the same name")
        for limit in self.limits:
            unknown = sorted(limit.sum.keys() - set(names))
            if unknown:
                raise ValueError(f"the limit {limit.name!r} names {unknown[0]!r}, which is no factor")

    @property
    def names(self) -> list[str]:
        return [factor.name for factor in self.factors]


class Told(msgspec.Struct, frozen=True):
    """A setting that was tried and its objective; None or not a number: it failed."""

    setting: Setting
    value: float | None

    @property
    def has_failed(self) -> bool:
        return self.value is None or not math.isfinite(self.value)


class Suggestion(msgspec.Struct, frozen=True):
    """A setting to try, and why. Mean and standard deviation are those of the objective before it is measured."""

    setting: Setting
    kind: Literal["initial", "improvement", "design", "given"]
    why: str
    at_limits: list[str] = []
    mean: float | None = None
    sd: float | None = None
    expected_improvement: float | None = None
    best: float | None = None


class FactorBand(msgspec.Struct, frozen=True):
    """Predicted mean of the objective along a factor, and the band that holds it with a probability of 95 %."""

    factor: str
    unit: str
    at: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]
    is_allowed: list[bool]
    """Whether the limits allow the setting."""
