"""Alarms without input or output: rules, conditions, the life of an alarm, and when it is told to whom."""

from pioreactor.alarms.conditions import (
    Condition,
    Diagnosis,
    JobState,
    Limit,
    LogEntry,
    MissingData,
    RateOfChange,
    RecordsWaiting,
    UnitSilent,
)
from pioreactor.alarms.rules import AlarmRule, Scope, Severity

__all__ = [
    "AlarmRule",
    "Condition",
    "Diagnosis",
    "JobState",
    "Limit",
    "LogEntry",
    "MissingData",
    "RateOfChange",
    "RecordsWaiting",
    "Scope",
    "Severity",
    "UnitSilent",
]
