"""Port between dosing automations and their diagnostics: observations in, findings out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class OpticalDensityRead:
    """An unfiltered reading of OD, in any unit, at a monotonic time [s]."""

    at_s: float
    od: float


@dataclass(frozen=True, slots=True)
class GrowthRateEstimated:
    """An estimate of the growth rate [1/h]."""

    at_s: float
    growth_per_h: float


@dataclass(frozen=True, slots=True)
class StirringMeasured:
    """A speed [rpm] at a duty cycle [%]; `volume_ml` is that of the volume ledger, `celsius` None if unknown."""

    at_s: float
    duty_percent: float
    rpm: float
    target_rpm: float
    volume_ml: float
    celsius: float | None


@dataclass(frozen=True, slots=True)
class PumpGainEstimated:
    """An estimate of delivered over requested volume, and ln OD at that time."""

    at_s: float
    gain: float
    sd: float
    log_od: float


@dataclass(frozen=True, slots=True)
class DoseStarting:
    """A dose is about to be given, unless a finding pauses dosing."""

    at_s: float


@dataclass(frozen=True, slots=True)
class LiquidAdded:
    """A pump added liquid to a vial that held `vial_volume_ml` according to the volume ledger."""

    at_s: float
    volume_ml: float
    vial_volume_ml: float


@dataclass(frozen=True, slots=True)
class DoseFinished:
    """The dose that started at this time is complete, or was interrupted."""

    started_s: float


Observation = (
    OpticalDensityRead
    | GrowthRateEstimated
    | StirringMeasured
    | PumpGainEstimated
    | DoseStarting
    | LiquidAdded
    | DoseFinished
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, as a sentence for the log that says what to check, and how sure it is since when, if that is known."""

    message: str
    pauses_dosing: bool = False
    certainty: Literal["possible", "likely", "certain"] | None = None
    since_s: float | None = None

    def sentence(self, now_s: float) -> str:
        """Return the message with the certainty and the minutes passed."""
        minutes = "" if self.since_s is None else f"since about {max(1.0, (now_s - self.since_s) / 60.0):.0f} min"
        known = ", ".join(part for part in (self.certainty, minutes) if part)
        return f"{self.message} ({known})" if known else self.message


class Diagnostic(Protocol):
    """A check of what doses do. Observations that are of no use to it are ignored."""

    name: str
    """Name of what it diagnoses, for alarms."""

    def observe(self, observation: Observation) -> list[Finding]:
        """Process an observation; return the faults found, each one once until `reset`."""
        ...

    def reset(self) -> None:
        """Discard what was learned about the present tubes and vial, after a person checked them."""
        ...
