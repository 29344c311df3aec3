"""Which observations a condition needs, and which messages it therefore has to receive."""

from typing import TypeAlias

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
from pioreactor.alarms.evaluation import MONITOR
from pioreactor.alarms.observation_types import Diagnosed, Logged, Measured, Observation, RecordsStatus, StateChanged

_OfTopic: TypeAlias = Limit | RateOfChange | MissingData


def topic_of(condition: Condition) -> str | None:
    """Return the topic, below unit and experiment, whose values a condition needs; None for none."""
    return condition.topic if isinstance(condition, _OfTopic) else None


def concerns(condition: Condition, observation: Observation) -> bool:
    """Return whether an observation can change whether a condition holds."""
    match observation:
        case Measured():
            return topic_of(condition) == observation.topic
        case StateChanged():
            return _concerns_state(condition, observation.job)
        case Diagnosed():
            return isinstance(condition, Diagnosis) and condition.job == observation.job
        case RecordsStatus():
            return isinstance(condition, RecordsWaiting | UnitSilent)
        case Logged():
            return isinstance(condition, LogEntry) and observation.level in condition.levels


def _concerns_state(condition: Condition, job: str) -> bool:
    match condition:
        case Limit() | RateOfChange() | MissingData():
            return condition.topic.partition("/")[0] == job
        case JobState():
            return condition.job == job or (not condition.job and job != MONITOR)
        case Diagnosis():
            return condition.job == job
        case UnitSilent():
            return job == MONITOR
        case _:
            return False
