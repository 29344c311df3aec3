"""Limits of a reactor, as values; the process that drives an actuator applies them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pioreactor.exc import InvalidRequestError
from pioreactor.models import ReactorModel

LONGEST_PUMP_RUN_S: Final = 3600.0
"""No single run of a pump is longer, continuous ones included: a vial holds minutes of pumping, not hours."""

REDUCED_HEATING: Final = 0.9
"""What is left of the heater's duty when the heating board is warmer than it should be."""


def checked_percent(percent: float) -> float:
    """Return it unchanged; raise `InvalidRequestError` unless it is a number from 0 to 100."""
    if not 0 <= percent <= 100:
        raise InvalidRequestError(f"{percent} % is not between 0 and 100")
    return percent


class HeatingStage(Enum):
    """How far the heating board is above its limits."""

    ALLOWED = "allowed"
    REDUCE = "reduce"
    DISABLE = "disable"
    SHUTDOWN = "shutdown"

    def limit_duty(self, duty: float) -> float:
        """Return the duty [%] that may be kept at this stage."""
        allowed = {HeatingStage.ALLOWED: duty, HeatingStage.REDUCE: REDUCED_HEATING * duty}
        return allowed.get(self, 0.0)


@dataclass(frozen=True, slots=True)
class HeatingLimits:
    """Temperatures of the heating board [°C] above which heating is reduced, disabled, or the unit powered off."""

    reduce_above: float
    disable_above: float
    shutdown_above: float

    @classmethod
    def of(cls, model: ReactorModel) -> "HeatingLimits":
        return cls(
            reduce_above=model.max_temp_to_reduce_heating,
            disable_above=model.max_temp_to_disable_heating,
            shutdown_above=model.max_temp_to_shutdown,
        )

    @classmethod
    def strictest(cls, models: Iterable[ReactorModel]) -> "HeatingLimits":
        """Return limits that suit every one of the models: for a unit whose model is not known."""
        return min((cls.of(model) for model in models), key=lambda limits: limits.shutdown_above)

    def stage(self, celsius: float) -> HeatingStage:
        """Return the stage of a temperature. One that is not a number disables heating: the temperature is unknown."""
        if math.isnan(celsius):
            return HeatingStage.DISABLE
        if celsius > self.shutdown_above:
            return HeatingStage.SHUTDOWN
        if celsius > self.disable_above:
            return HeatingStage.DISABLE
        if celsius > self.reduce_above:
            return HeatingStage.REDUCE
        return HeatingStage.ALLOWED
