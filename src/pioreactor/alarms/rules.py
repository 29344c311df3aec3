"""Alarm rules: what raises an alarm, how severe it is, and what a person changed about it."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, TypeAlias, get_args

import msgspec

from pioreactor.alarms.condition_types import (
    Condition,
    check,
)
from pioreactor.exc import InvalidRequestError

Severity: TypeAlias = Literal["low", "medium", "high", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
Scope: TypeAlias = Literal["cluster", "experiment", "unit"]

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MAX_TEXT: Final = 500
Delay: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class AlarmRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What raises an alarm, declared by a job beside its measurements, or made by a person.

    The condition has to hold for `delay_s` before the alarm is raised, and not to hold for `off_delay_s` before it is
    cleared. `scope`: one alarm per unit, per experiment, or for the whole cluster. `escalate_after_s`: time without an
    acknowledgment after which it is told again, and to those who only receive of escalations; 0 for never.
    `needs_acknowledgment`: a cleared alarm stays until a person has acknowledged it.
    """

    name: str
    title: str
    condition: Condition
    severity: Severity = "medium"
    scope: Scope = "unit"
    delay_s: Delay = 0.0
    off_delay_s: Delay = 5.0
    escalate_after_s: Delay = 0.0
    needs_acknowledgment: bool = True
    enabled: bool = True
    remedy: str = ""
    """What a person should do."""

    def checked(self) -> "AlarmRule":
        """Return the rule; raise `InvalidRequestError` when something of it cannot be."""
        if not _NAME.fullmatch(self.name):
            raise InvalidRequestError(
                f"{self.name[:70]!r} cannot be the name of a rule", remedy="Lower-case letters, digits, underscores."
            )
        for text in (self.title, self.remedy):
            if len(text) > _MAX_TEXT or not text.isprintable():
                raise InvalidRequestError(f"a text of {self.name} is not one line of at most {_MAX_TEXT} characters")
        if not self.title.strip():
            raise InvalidRequestError(f"{self.name} has no title")
        check(self.condition)
        return self


def at_least(severity: str, lowest: str) -> bool:
    """Return whether a severity is the lowest one that counts, or above it."""
    names: tuple[str, ...] = SEVERITIES
    return names.index(severity) >= names.index(lowest)


def rule_of(values: Mapping[str, object]) -> AlarmRule:
    """Return a checked rule from JSON values; raise `InvalidRequestError` that states what does not fit."""
    try:
        return msgspec.convert(values, AlarmRule).checked()
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"this is not an alarm rule: {error}") from error


def changed(rule: AlarmRule, changes: Mapping[str, object]) -> AlarmRule:
    """Return a rule with some of its fields, or of its condition's, replaced; raise `InvalidRequestError`."""
    values: dict[str, object] = msgspec.to_builtins(rule)
    condition = dict(msgspec.to_builtins(rule.condition))
    for name, value in changes.items():
        if name == "condition" and isinstance(value, Mapping):
            condition |= value
        elif name in values:
            values[name] = value
        else:
            condition[name] = value
    return rule_of({**values, "name": rule.name, "condition": condition})


def from_text(rule: AlarmRule, values: Iterable[tuple[str, str]]) -> AlarmRule:
    """Return a rule with fields replaced by texts of the configuration: `delay_s` = 60; raise `InvalidRequestError`."""
    read: dict[str, object] = {}
    for name, text in values:
        if name in ("enabled", "needs_acknowledgment"):
            read[name] = text.strip().lower() in ("1", "true", "yes", "on")
            continue
        try:
            read[name] = float(text)
        except ValueError:
            read[name] = text
    return changed(rule, read)
