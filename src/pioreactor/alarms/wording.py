"""The text of a message about alarms."""

from collections.abc import Sequence
from typing import Final

from pioreactor.alarms.records import Notice, ToldEvent
from pioreactor.alarms.rules import SEVERITIES

MAX_LINES: Final = 20
_WORDS: Final = {"raised": "", "cleared": "Cleared: ", "escalated": "Not acknowledged: ", "unshelved": "Still there: "}


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
