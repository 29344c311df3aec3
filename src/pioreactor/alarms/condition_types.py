"""The conditions of alarm rules, as data. `evaluation` says when each holds.

A `topic` is what follows unit and experiment in an MQTT topic, such as `od_reading/od1`; a `field` names the number in
a JSON payload, blank for a payload that is a bare number.
"""

import re
from typing import Annotated, Final, TypeAlias

import msgspec

from pioreactor.exc import InvalidRequestError

_TOPIC: Final = re.compile(r"[A-Za-z0-9_$]+(/[A-Za-z0-9_$]+){0,3}")
_NAME: Final = re.compile(r"[A-Za-z0-9_]{0,64}")

Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)]
Positive: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]


class Limit(msgspec.Struct, frozen=True, tag="limit", kw_only=True, forbid_unknown_fields=True):
    """A measured value is above or below a limit [unit of the value].

    It ends once the value is `hysteresis` inside of the limit again.
    """

    topic: str
    field: str = ""
    above: float | None = None
    below: float | None = None
    hysteresis: Positive = 0.0
    unit: str = ""


class RateOfChange(msgspec.Struct, frozen=True, tag="rate", kw_only=True, forbid_unknown_fields=True):
    """A measured value rises or falls faster than a rate [unit per hour], taken over `window_s`."""

    topic: str
    field: str = ""
    above_per_h: float | None = None
    below_per_h: float | None = None
    hysteresis_per_h: Positive = 0.0
    window_s: Seconds = 600.0
    unit: str = ""


class MissingData(msgspec.Struct, frozen=True, tag="missing", kw_only=True, forbid_unknown_fields=True):
    """Nothing arrives on a topic for `after_s`, although its job is ready."""

    topic: str
    after_s: Seconds = 300.0


class JobState(msgspec.Struct, frozen=True, tag="state", kw_only=True, forbid_unknown_fields=True):
    """A job is in one of these states; `job` blank: any job but the monitor."""

    job: str = ""
    states: tuple[str, ...] = ("lost",)


class Diagnosis(msgspec.Struct, frozen=True, tag="diagnosis", kw_only=True, forbid_unknown_fields=True):
    """A job reports this diagnosis, such as `disk` of the monitor."""

    job: str
    name: str


class RecordsWaiting(msgspec.Struct, frozen=True, tag="records_waiting", kw_only=True, forbid_unknown_fields=True):
    """Records of a unit wait longer than `after_s` for the leader's database."""

    after_s: Seconds = 300.0


class UnitSilent(msgspec.Struct, frozen=True, tag="silent", kw_only=True, forbid_unknown_fields=True):
    """The monitor of an active unit is lost, or says nothing for `after_s`."""

    after_s: Seconds = 150.0


class LogEntry(msgspec.Struct, frozen=True, tag="log", kw_only=True, forbid_unknown_fields=True):
    """A job logs at one of these levels; it ends `quiet_s` after the last entry."""

    levels: tuple[str, ...] = ("error", "critical")
    quiet_s: Seconds = 600.0


Condition: TypeAlias = (
    Limit | RateOfChange | MissingData | JobState | Diagnosis | RecordsWaiting | UnitSilent | LogEntry
)


def check(condition: Condition) -> None:
    """Raise `InvalidRequestError` for a condition that can never hold, or that names what cannot be a topic."""
    topic, field = getattr(condition, "topic", None), getattr(condition, "field", "")
    if topic is not None and not _TOPIC.fullmatch(topic):
        raise InvalidRequestError(f"{topic[:60]!r} is not a topic below unit and experiment, such as od_reading/od1")
    if not _NAME.fullmatch(field):
        raise InvalidRequestError(f"{field[:60]!r} is not the name of a field")
    match condition:
        case Limit(above=high, below=low):
            _check_bounds(high, low)
        case RateOfChange(above_per_h=high, below_per_h=low):
            _check_bounds(high, low)
        case JobState(states=()) | LogEntry(levels=()):
            raise InvalidRequestError("the condition names no state or level: give at least one")
        case _:
            pass


def _check_bounds(high: float | None, low: float | None) -> None:
    if high is None and low is None:
        raise InvalidRequestError("the condition has no limit: give one above or below which it holds")
    if high is not None and low is not None and low >= high:
        raise InvalidRequestError(f"the lower limit {low:g} is not below the upper limit {high:g}")
