"""From a message of a unit to a value with its unit and its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import msgspec

from pioreactor import topics
from pioreactor.exc import PioreactorError
from pioreactor.job_catalog import JOBS
from pioreactor.jobs.payloads import parse_payload
from pioreactor.jobs.published_attribute import AnyAttribute
from pioreactor.jobs.settings import published_of
from pioreactor.measurements import parser_of, specs_of_topic
from pioreactor.messaging.ports import Message

Scalar = float | int | bool | str
_SCALARS = frozenset({"float", "integer", "boolean", "string"})


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a unit; `unit_text` is empty where it has none; `at` None: when it arrived."""

    unit: str
    job: str
    name: str
    value: Scalar
    label: str
    unit_text: str = ""
    at: datetime | None = None

    @property
    def identifier(self) -> str:
        """Return the part of the node's id that does not change."""
        return f"{self.unit}.{self.job}.{self.name}"


def values_of(message: Message) -> Iterator[Value]:
    """Yield the values in a message; none for what has no job, was cleared, or cannot be read."""
    parsed = topics.parse(message.topic)
    if parsed is None or len(parsed.rest) != 2 or not message.payload:
        return
    job, name = parsed.rest
    if name == "$state":
        yield Value(parsed.unit, job, "state", message.payload.decode("utf-8", "replace"), "State")
        return
    try:
        yield from list(_measured(parsed.unit, job, name, message))
        attribute = _published(job).get(name)
        if attribute is None or attribute.datatype not in _SCALARS:
            return
        value = parse_payload(name, attribute.datatype, message.payload)
    except (PioreactorError, ValueError, TypeError, msgspec.DecodeError):
        return
    if isinstance(value, Scalar):
        label = attribute.label if attribute.label is not None else name
        unit_text = attribute.unit if attribute.unit is not None else ""
        yield Value(parsed.unit, job, name, value, label, unit_text)


def _measured(unit: str, job: str, name: str, message: Message) -> Iterator[Value]:
    """Yield the values of recorded quantities that are time series."""
    for spec in specs_of_topic(message.topic):
        if spec.series is None:
            continue
        row = parser_of(spec)(message.topic, message.payload)
        value = row.get(spec.series.column) if isinstance(row, dict) else None
        if isinstance(row, dict) and isinstance(value, float | int):
            column = spec.table.column(spec.series.column)
            at = _time(row.get("timestamp"))
            unit_text = column.unit if column.unit is not None else ""
            yield Value(unit, job, name, float(value), spec.label, unit_text, at)


def _time(text: object) -> datetime | None:
    """Return a stored timestamp as OPC UA wants it: UTC without a zone."""
    if not isinstance(text, str):
        return None
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC).replace(tzinfo=None)


@cache
def _published(job: str) -> dict[str, AnyAttribute]:
    """Return what a job declares; the class is imported when its first message arrives."""
    return published_of(JOBS[job].load()) if job in JOBS else {}
