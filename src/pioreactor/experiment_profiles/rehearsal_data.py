"""What a rehearsal has found: quantities over time, bottles and hazards."""

from __future__ import annotations

from typing import Final

import msgspec

from pioreactor.experiment_profiles.rehearsal_hazards import Hazard


class Band(msgspec.Struct, frozen=True):
    """A quantity over time: its 5 %, 50 % and 95 % quantiles across the runs."""

    low: list[float]
    median: list[float]
    high: list[float]


class Range(msgspec.Struct, frozen=True):
    """Quantiles across the runs: 5 %, 50 % and 95 %."""

    low: float
    median: float
    high: float


class Bottle(msgspec.Struct, frozen=True):
    """Liquid that one unit takes from a bottle, or gives to the waste, and when the bottle is empty or full."""

    bottle: str
    used_ml: Range
    size_ml: float | None
    ends_in_runs: int
    """Runs in which the bottle is empty, or full, before the end."""
    ends_at_h: Range | None
    """When that is, across those runs."""


class ForecastOfUnit(msgspec.Struct, frozen=True):
    """What one unit does: true values of its simulated reactor."""

    name: str
    od: Band
    growth_rate_per_h: Band
    celsius: Band
    volume_ml: Band
    media_ml: Band
    alt_media_ml: Band
    waste_ml: Band
    bottles: list[Bottle]


class Rehearsal(msgspec.Struct, frozen=True):
    """The result of a rehearsal."""

    profile_name: str
    experiment: str
    runs: int
    failed_runs: int
    seed: int
    started_at: str
    hours: list[float]
    """Times of the values of every band."""
    finished_runs: int
    """Runs in which the profile came to its end."""
    finishes_at_h: Range | None
    units: list[ForecastOfUnit]
    hazards: list[Hazard]
    notes: list[str]
    is_complete: bool = True
    """False: it was canceled, and holds the runs that had ended."""


class RehearsalProgress(msgspec.Struct, frozen=True, tag="progress"):
    """A line that `pio rehearse --json-progress` prints: the share that is done, 0–1."""

    share: float


class RehearsalResult(msgspec.Struct, frozen=True, tag="result"):
    """Its last line: the id of the rehearsal, or the rehearsal itself where it is not kept."""

    id: str | None
    rehearsal: Rehearsal | None


class RunRecord(msgspec.Struct):
    """One run: values of each unit at each of `hours`, and what went wrong."""

    number: int
    hours: list[float] = []
    values: dict[str, dict[str, list[float]]] = {}
    """Unit → quantity → values."""
    hazards: list[Hazard] = []
    finished_at_h: float | None = None
    error: str = ""


QUANTITIES: Final = ("od", "growth_rate_per_h", "celsius", "volume_ml", "media_ml", "alt_media_ml", "waste_ml")
