"""The settings that may be tried, as arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pioreactor.exc import InvalidRequestError
from pioreactor.science.campaigns.factors import FactorsAndLimits, LinearLimit, Setting

Array = NDArray[np.float64]

NEAR: Final = 0.01
"""A setting within this share of a limit's range is at the limit."""


class SearchSpace(FactorsAndLimits, frozen=True, forbid_unknown_fields=True):
    """Arrays have a row for each setting; in the unit cube low is 0 and high is 1."""

    def settings_at(self, cube: Array) -> Array:
        """Return the settings nearest to points of the unit cube that can be set, within the ranges."""
        low, high, step = self._columns()
        steps = np.floor((high - low) / step + 1e-9)
        return np.minimum(np.round(low + np.clip(np.round(cube * (high - low) / step), 0.0, steps) * step, 10), high)

    def cube_of(self, settings: Array) -> Array:
        low, high, _ = self._columns()
        return np.asarray((settings - low) / (high - low))

    def _columns(self) -> tuple[Array, Array, Array]:
        rows = np.array([[factor.low, factor.high, factor.resolution] for factor in self.factors])
        return rows[:, 0], rows[:, 1], rows[:, 2]

    def is_allowed(self, settings: Array) -> NDArray[np.bool_]:
        """Tell of each setting whether it is within all ranges and limits."""
        low, high, _ = self._columns()
        allowed = np.all((settings >= low) & (settings <= high), axis=1)
        for limit in self.limits:
            allowed &= settings @ self._coefficients(limit) <= limit.at_most
        return np.asarray(allowed)

    def _coefficients(self, limit: LinearLimit) -> Array:
        return np.array([limit.sum.get(name, 0.0) for name in self.names])

    def at_limits(self, setting: Mapping[str, float]) -> list[str]:
        """Return in words which ends of ranges and which limits a setting is at."""
        row = self.rows([setting])[0]
        low, high, _ = self._columns()
        found = [f"{one.name} at its lowest" for one, value in zip(self.factors, row, strict=True) if value <= one.low]
        found += [f"{one.name} at its highest" for one, x in zip(self.factors, row, strict=True) if x >= one.high]
        for limit in self.limits:
            coefficients = self._coefficients(limit)
            if limit.at_most - row @ coefficients <= NEAR * float(np.abs(coefficients) @ (high - low)):
                found.append(limit.name)
        return found

    def rows(self, settings: Sequence[Mapping[str, float]]) -> Array:
        return np.array([[setting[name] for name in self.names] for setting in settings]).reshape(-1, len(self.names))

    def named(self, row: Array) -> Setting:
        return dict(zip(self.names, map(float, row), strict=True))

    def check(self, setting: Mapping[str, float]) -> None:
        """Raise `InvalidRequestError` unless the setting has each factor once and breaks nothing."""
        if setting.keys() != set(self.names) or not all(map(math.isfinite, setting.values())):
            raise InvalidRequestError(f"a setting needs a number for each of {', '.join(self.names)}, and nothing else")
        if not self.is_allowed(self.rows([setting]))[0]:
            raise InvalidRequestError(
                f"the setting {dict(setting)} is out of range or breaks a limit",
                remedy="See the ranges and limits of the campaign.",
            )
