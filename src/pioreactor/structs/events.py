"""Payloads of events, settings of automations and log messages."""

from datetime import datetime
from typing import Any

import msgspec

from pioreactor.structs.encoding import JSONPrintedStruct
from pioreactor.types import LedChannel


class DosingEvent(JSONPrintedStruct):
    """Volume moved by a pump. `volume_change` [mL] is positive for removal too; negative only as a correction."""

    volume_change: float
    event: str
    source_of_event: str | None
    timestamp: datetime


class LEDChangeEvent(JSONPrintedStruct):
    channel: LedChannel
    intensity: float
    source_of_event: str | None
    timestamp: datetime


class LEDsIntensity(JSONPrintedStruct):
    """Intensity of every LED [%]."""

    A: float = 0.0
    B: float = 0.0
    C: float = 0.0
    D: float = 0.0


class AutomationSettings(JSONPrintedStruct):
    """Settings of an automation and the time during which they applied."""

    pioreactor_unit: str
    experiment: str
    started_at: datetime
    ended_at: datetime | None
    automation_name: str
    settings: bytes
    """JSON object; base64 of it in the payload."""


class AutomationEvent(JSONPrintedStruct, kw_only=True):
    event_name: str
    message: str | None = None
    data: dict[str, Any] | None = None
    timestamp: datetime | None = None
    """When it happened; units of earlier versions send none."""


class Log(JSONPrintedStruct):
    message: str
    level: str
    source: str
    task: str
    timestamp: datetime
    taskName: None = msgspec.field(default=None)  # noqa: N815  the reference's records carry it, and parsers expect it
