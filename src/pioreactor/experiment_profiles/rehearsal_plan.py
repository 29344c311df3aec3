"""What a rehearsal starts from. It is JSON, so that any process can rehearse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from pioreactor.exc import ConfigurationError

MAX_HOURS: Final = 744.0
"""The longest rehearsal [h]: 31 days."""
MAX_RUNS: Final = 200
BOTTLES: Final = ("media", "alt_media", "waste")

Hours: TypeAlias = Annotated[float, Meta(gt=0.0, le=MAX_HOURS)]
Volume: TypeAlias = Annotated[float, Meta(gt=0.0, le=100_000.0)]


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


def checked_plan(text: bytes) -> RehearsalPlan:
    """Return the plan in a JSON text; raise `ConfigurationError` saying what is wrong."""
    try:
        return msgspec.json.decode(text, type=RehearsalPlan)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"the plan of the rehearsal cannot be used: {error}") from error


def profile_of_act(unit: str, job: str, kind: Literal["start", "update", "stop"], options: Mapping[str, object]) -> str:
    """Return the text of a profile that starts, changes or stops a job of a unit at once."""
    action = {"type": kind, "t": 0.0, **({"options": dict(options)} if options else {})}
    profile = {
        "version": "1.0",
        "experiment_profile_name": f"{kind} {job} on {unit}",
        "pioreactors": {unit: {"jobs": {job: {"actions": [action]}}}},
    }
    return msgspec.yaml.encode(profile).decode()
