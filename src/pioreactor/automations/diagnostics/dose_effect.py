"""Effect of doses on optical density, as it was measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DoseEffect:
    """Effect of one dose, or of some in quick succession. Falls are of ln OD."""

    expected: float
    observed: float
    sd: float
    level: float
    """ln OD before the dose."""
    noise_sd: float
    """`sd` without the uncertainty of growth, which all doses have in common."""
    at_s: float = 0.0
    """Time of the last reading before the dose."""

    @property
    def part(self) -> float:
        """Fraction of the expected fall."""
        return self.observed / self.expected

    @property
    def part_sd(self) -> float:
        return self.sd / self.expected
