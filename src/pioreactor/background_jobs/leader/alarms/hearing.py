"""From MQTT messages to observations of the alarm engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from pioreactor import topics
from pioreactor.alarms.interest import topic_of
from pioreactor.alarms.observations import Diagnosed, Logged, Measured, Observation, RecordsStatus, Source, StateChanged
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
    """Return the topics that are heard whatever the rules are."""
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
    source, rest = Source(parts.unit, parts.experiment), parts.rest
    try:
        if rest[-1] == "$state" and len(rest) == 2:
            return StateChanged(source, rest[0], message.payload.decode()) if message.payload else None
        if rest[-1] == _DIAGNOSES and len(rest) == 2:
            found = msgspec.json.decode(message.payload, type=dict[str, str]) if message.payload else {}
            return Diagnosed(source, rest[0], found)
        if not message.payload:
            return None
        if rest == _RECORDS:
            return _records(source, message.payload, now)
        if rest[0] == "logs":
            # A retained log entry is of another time.
            return None if message.retain else _logged(source, message.payload)
        values = numbers_in(message.payload)
    except (msgspec.DecodeError, ValueError, UnicodeError, RecursionError):
        return None
    return Measured(source, "/".join(rest), values) if values is not None else None


def declared_rules(payload: bytes) -> list[AlarmRule]:
    """Return the rules that a job declares; raise `msgspec.DecodeError` or `InvalidRequestError`."""
    return [rule.checked() for rule in msgspec.json.decode(payload, type=list[AlarmRule])] if payload else []


def numbers_in(payload: bytes) -> Mapping[str, float] | None:
    """Return the numbers of a payload by field, a bare number under ""; an empty mapping when there is none."""
    decoded = msgspec.json.decode(payload)
    if isinstance(decoded, bool) or decoded is None:
        return {}
    if isinstance(decoded, int | float):
        return {"": float(decoded)}
    if not isinstance(decoded, dict):
        return {}
    return {
        str(name): float(value)
        for name, value in decoded.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _records(source: Source, payload: bytes, now: datetime) -> RecordsStatus:
    status = msgspec.json.decode(payload, type=_Records)
    return RecordsStatus(source, status.waiting, (now - from_timestamp(status.timestamp)).total_seconds())


def _logged(source: Source, payload: bytes) -> Logged:
    entry = msgspec.json.decode(payload, type=Log)
    return Logged(source, entry.task, entry.level.lower(), entry.message)
