"""Payloads about alarms."""

from datetime import datetime

from pioreactor.structs.encoding import JSONPrintedStruct


class AlarmHeartbeat(JSONPrintedStruct):
    """Sign of life of the alarm engine, every 10 s; workers report a leader that gives none."""

    timestamp: datetime


class AlarmSummary(JSONPrintedStruct):
    """Open alarms by severity, without those that are shelved; `newest_event` changes whenever an alarm does."""

    open: dict[str, int]
    suppressed: int
    newest_event: int
