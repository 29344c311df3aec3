"""Alarms without input or output: rules, conditions, the life of an alarm, and when people are told."""

from pioreactor.alarms.condition_types import (
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
