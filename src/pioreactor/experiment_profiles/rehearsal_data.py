"""Data of a rehearsal: what it starts from, and what it found. Both are JSON, so that any process can rehearse."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

MAX_HOURS: Final = 744.0
"""The longest rehearsal [h]: 31 days."""
MAX_RUNS: Final = 200
BOTTLES: Final = ("media", "alt_media", "waste")

Hours: TypeAlias = Annotated[float, Meta(gt=0.0, le=MAX_HOURS)]
Volume: TypeAlias = Annotated[float, Meta(gt=0.0, le=100_000.0)]
HazardKind: TypeAlias = Literal[
    "vial_too_full",
    "over_temperature",
    "dose_refused",
    "job_not_started",
    "action_failed",
    "condition_never_met",
    "loop_never_ends",
    "calibration_missing",
    "calibration_out_of_range",
    "setting_out_of_bounds",
    "bottle_empty",
    "bottle_full",
    "rehearsal_failed",
    "job_error",
]


class RunningJob(msgspec.Struct, frozen=True):
    """A job that runs when the rehearsal begins, with the options that start it as it is now."""

    job: str
    options: dict[str, str | float | bool | None] = {}


class RehearsedUnit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One unit as it is when the rehearsal begins. None: not known, so the strain's or the unit's usual value."""

    name: str
    model: tuple[str, str]
    """Name and version of the reactor model."""
    config: dict[str, dict[str, str]] = {}
    """Configuration in force: section → key → value."""
    calibrations: dict[str, dict[str, object]] | None = None
    """Active calibrations by device; None: those of a new simulated unit."""
    od: Annotated[float, Meta(ge=0.0, le=200.0)] | None = None
    """Optical density of the culture."""
    celsius: Annotated[float, Meta(ge=-10.0, le=80.0)] | None = None
    volume_ml: Annotated[float, Meta(gt=0.0, le=10_000.0)] | None = None
    alt_media_fraction: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    running: tuple[RunningJob, ...] = ()
    bottles_ml: dict[str, Volume] = {}
    """Liquid in the bottles of `media` and `alt_media`, and space in that of `waste` [mL]."""


class RehearsalPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is rehearsed. Equal plans give equal results, byte for byte, whatever runs where."""

    profile: str
    """Text of the profile."""
    experiment: str
    units: Annotated[tuple[RehearsedUnit, ...], Meta(min_length=1, max_length=64)]
    scenario: dict[str, object] = {}
    """Fields of a scenario of the simulated reactor: strain, growth, room, faults."""
    hours: Hours
    """Virtual time after which a run is cut off [h]."""
    runs: Annotated[int, Meta(ge=1, le=MAX_RUNS)] = 8
    seed: Annotated[int, Meta(ge=0, le=10**9)] = 1
    started_at: str = ""
    """When the state of the units was read; empty for a plan that is not of a moment."""
    notes: tuple[str, ...] = ()
    """What was assumed when the plan was made."""


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


class Hazard(msgspec.Struct, frozen=True):
    """Something that goes wrong in at least one run: earliest time [h], place in the profile, and the cure."""

    kind: HazardKind
    unit: str
    at_h: float
    message: str
    cure: str
    path: str = ""
    line: int | None = None
    runs: int = 1
    """Number of runs in which it happened."""


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
