"""Alarms, their history, and the messages about them, as they are stored and shown."""

from typing import Literal, TypeAlias

import msgspec

AlarmState: TypeAlias = Literal["unacknowledged", "acknowledged", "cleared", "shelved", "closed"]
"""unacknowledged, acknowledged: the condition holds. cleared: it no longer does, and no one has acknowledged the alarm.
shelved: a person set it aside for a time. closed: it is history."""
DeliveryState: TypeAlias = Literal["queued", "sending", "sent", "failed"]


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm; `pioreactor_unit` and `experiment` are empty where its rule's scope is wider."""

    id: int
    rule: str
    pioreactor_unit: str
    experiment: str
    title: str
    severity: str
    message: str
    remedy: str
    needs_acknowledgment: bool
    occurrences: int
    """How often the condition began to hold before the alarm was closed."""
    raised_at: str
    cleared_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    note: str | None
    escalated_at: str | None
    state: AlarmState
    shelved_until: str | None = None


class AlarmEvent(msgspec.Struct, frozen=True):
    """A step in the life of an alarm: raised, cleared, escalated, acknowledged, shelved or unshelved."""

    id: int
    alarm_id: int
    timestamp: str
    event: str
    username: str | None
    message: str


class ToldEvent(msgspec.Struct, frozen=True):
    """An event of an alarm, as it is put into a message."""

    event_id: int
    event: str
    alarm_id: int
    rule: str
    title: str
    severity: str
    unit: str
    experiment: str
    message: str
    remedy: str
    at: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A message about one or more alarms, before a channel gives it its form."""

    title: str
    text: str
    severity: str
    link: str = ""
    """Where the panel shows the alarms; empty when its address is not known."""
    alarm_ids: tuple[int, ...] = ()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message to a channel, from the queue to its end."""

    id: int
    channel: str
    notice: Notice
    state: DeliveryState
    attempts: int
    created_at: str
    attempted_at: str | None
    finished_at: str | None
    error: str | None
