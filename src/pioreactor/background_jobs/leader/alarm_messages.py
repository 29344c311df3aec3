"""From MQTT messages to observations of the alarm engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from pioreactor import topics
from pioreactor.alarms.interest import topic_of
from pioreactor.alarms.observation_types import (
    Diagnosed,
    Logged,
    Measured,
    Observation,
    RecordsStatus,
    Source,
    StateChanged,
)
from pioreactor.alarms.rules import AlarmRule
from pioreactor.messaging.ports import Message
from pioreactor.structs.encoding import from_timestamp
from pioreactor.structs.events import Log

RULES: Final = "alarm_rules"
_DIAGNOSES: Final = "diagnoses"
_RECORDS: Final = ("monitor", "safe_up_to")
_LOG_LEVELS: Final = ("warning", "error", "critical")


class _Records(msgspec.Struct):
    waiting: int
    timestamp: str


def filters() -> list[str]:
    """Return the topics that are received whatever the rules are."""
    return [
        topics.of_any_unit("+/$state"),
        topics.of_any_unit(f"+/{_DIAGNOSES}"),
        topics.of_any_unit("/".join(_RECORDS)),
        *(topics.of_any_unit(f"logs/+/{level}") for level in _LOG_LEVELS),
    ]


def filters_of(rules: Iterable[AlarmRule]) -> set[str]:
    """Return the topics of measurements that rules need."""
    found = {topic_of(rule.condition) for rule in rules if rule.enabled}
    return {topics.of_any_unit(topic) for topic in found if topic is not None}


def observation_of(message: Message, now: datetime) -> Observation | None:
    """Return what a message says, None when it is of no use: it is empty, unreadable, or of a test."""
    parts = topics.parse(message.topic)
    if parts is None or topics.is_testing(parts.experiment):
        return None
    try:
        return _observed(Source(parts.unit, parts.experiment), parts.rest, message, now)
    except (msgspec.DecodeError, ValueError, UnicodeError, RecursionError):
        return None


def _observed(source: Source, rest: tuple[str, ...], message: Message, now: datetime) -> Observation | None:
    payload = message.payload
    if rest[-1] == _DIAGNOSES and len(rest) == 2:
        return Diagnosed(source, rest[0], msgspec.json.decode(payload, type=dict[str, str]) if payload else {})
    if not payload:
        return None
    if rest[-1] == "$state" and len(rest) == 2:
        return StateChanged(source, rest[0], payload.decode())
    if rest == _RECORDS:
        return _records(source, payload, now)
    if rest[0] == "logs":
        # A retained log entry is of another time.
        return None if message.retain else _logged(source, payload)
    return Measured(source, "/".join(rest), numbers_in(payload))


def declared_rules(payload: bytes) -> list[AlarmRule]:
    """Return the rules that a job declares; raise `msgspec.DecodeError` or `InvalidRequestError`."""
    return [rule.checked() for rule in msgspec.json.decode(payload, type=list[AlarmRule])] if payload else []


def numbers_in(payload: bytes) -> Mapping[str, float]:
    """Return the numbers of a payload by field, a bare number under ""; an empty mapping when there is none."""
    decoded = msgspec.json.decode(payload)
    fields = decoded if isinstance(decoded, dict) else {"": decoded}
    return {str(name): float(value) for name, value in fields.items() if _is_number(value)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _records(source: Source, payload: bytes, now: datetime) -> RecordsStatus:
    status = msgspec.json.decode(payload, type=_Records)
    return RecordsStatus(source, status.waiting, (now - from_timestamp(status.timestamp)).total_seconds())


def _logged(source: Source, payload: bytes) -> Logged:
    entry = msgspec.json.decode(payload, type=Log)
    return Logged(source, entry.task, entry.level.lower(), entry.message)
