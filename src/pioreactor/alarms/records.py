"""Alarms, their history, and the messages about them, as they are stored, shown and worded."""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from pioreactor.alarms.rules import SEVERITIES

AlarmState: TypeAlias = Literal["unacknowledged", "acknowledged", "cleared", "shelved", "closed"]
"""unacknowledged, acknowledged: the condition holds. cleared: it no longer does, and no one has acknowledged the alarm.
shelved: a person set it aside for a time. closed: it is history."""
DeliveryState: TypeAlias = Literal["queued", "sending", "sent", "failed"]
MAX_LINES: Final = 20
_WORDS: Final = {"raised": "", "cleared": "Cleared: ", "escalated": "Not acknowledged: ", "unshelved": "Still there: "}


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


def notice_of(events: Sequence[ToldEvent], *, link: str = "", note: str = "") -> Notice:
    """Return one message about events of alarms: of each alarm what happened last, the most severe first."""
    latest: dict[int, ToldEvent] = {event.alarm_id: event for event in events}
    order: list[str] = [*SEVERITIES]
    told = sorted(latest.values(), key=lambda event: (event.event == "cleared", -order.index(_known(event))))
    lines = [_line(event) for event in told[:MAX_LINES]]
    if len(told) > MAX_LINES:
        lines.append(f"… and {len(told) - MAX_LINES} more.")
    if note:
        lines.append(note)
    return Notice(
        title=_title(told),
        text="\n".join(lines),
        severity=max((_known(event) for event in told), key=order.index),
        link=link,
        alarm_ids=tuple(event.alarm_id for event in told),
    )


def _known(event: ToldEvent) -> str:
    return event.severity if event.severity in SEVERITIES else "medium"


def _title(told: Sequence[ToldEvent]) -> str:
    if len(told) == 1:
        event = told[0]
        where = f" ({event.unit})" if event.unit else ""
        return f"{_WORDS.get(event.event, '')}{event.title}{where}"
    raised = [event for event in told if event.event != "cleared"]
    return _counted(raised) if raised else f"{len(told)} alarms are cleared"


def _counted(raised: Sequence[ToldEvent]) -> str:
    counts = [(name, sum(1 for event in raised if event.severity == name)) for name in reversed(SEVERITIES)]
    number = "1 alarm" if len(raised) == 1 else f"{len(raised)} alarms"
    return f"{number}: " + ", ".join(f"{count} {name}" for name, count in counts if count)


def _line(event: ToldEvent) -> str:
    where = ", ".join(part for part in (event.unit, event.experiment.replace("$experiment", "")) if part)
    said = f"{_WORDS.get(event.event, '')}{event.title}"
    if event.event == "cleared":
        return f"{event.severity.upper()}  {where}: {said}. {event.at}".strip()
    return f"{event.severity.upper()}  {where}: {said}. {event.message} {event.remedy}".strip()
