"""Limits of what may be asked of a reactor, as values; whoever moves the actuator asks here and obeys."""

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
        match self:
            case HeatingStage.ALLOWED:
                return duty
            case HeatingStage.REDUCE:
                return REDUCED_HEATING * duty
            case HeatingStage.DISABLE | HeatingStage.SHUTDOWN:
                return 0.0


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
        """Return the stage of a temperature. One that is not a number disables heating: nobody knows how hot it is."""
        if math.isnan(celsius):
            return HeatingStage.DISABLE
        if celsius > self.shutdown_above:
            return HeatingStage.SHUTDOWN
        if celsius > self.disable_above:
            return HeatingStage.DISABLE
        if celsius > self.reduce_above:
            return HeatingStage.REDUCE
        return HeatingStage.ALLOWED


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may be done as asked."""


@dataclass(frozen=True, slots=True)
class TooMuch:
    """It may not be done. `most` is what may (mL or s, as in the question)."""

    most: float
    reason: str


Verdict = Allowed | TooMuch


def check_pump_run(duration_s: float, *, longest_s: float = LONGEST_PUMP_RUN_S) -> Verdict:
    """Decide on one run of a pump; raise `InvalidRequestError` for a duration that is none."""
    if math.isnan(duration_s) or duration_s < 0:
        raise InvalidRequestError(f"a pump cannot run for {duration_s} s")
    if duration_s > longest_s:
        return TooMuch(longest_s, f"a pump may run for at most {longest_s:g} s at a time, not {duration_s:g} s")
    return Allowed()


def check_fill(*, present_ml: float, added_ml: float, max_fill_ml: float) -> Verdict:
    """Decide whether a volume still fits: the vial must stay below its largest volume.

    A present volume that is not a number leaves no room.
    """
    if math.isnan(added_ml) or added_ml < 0:
        raise InvalidRequestError(f"{added_ml} mL cannot be added")
    room_ml = 0.0 if math.isnan(present_ml) else max(0.0, max_fill_ml - present_ml)
    if added_ml >= room_ml:
        return TooMuch(
            room_ml, f"{added_ml:g} mL on top of {present_ml:g} mL would reach the vial's {max_fill_ml:g} mL"
        )
    return Allowed()
