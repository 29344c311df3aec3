"""The rules that hold from the first minute and belong to no job: those about units, their machines and their logs."""

from typing import Final

from pioreactor.alarms.condition_types import Diagnosis, JobState, LogEntry, RecordsWaiting, UnitSilent
from pioreactor.alarms.rules import AlarmRule, Severity

_ESCALATE_S: Final = 1800.0


_OF_THE_MACHINE: Final[tuple[tuple[str, str, Severity], ...]] = (
    ("disk", "Disk is almost full", "high"),
    ("clock", "Clock is not synchronized", "medium"),
    ("processor", "Processor is hot", "medium"),
    ("network", "Unit has no network", "medium"),
    ("web_server", "Web server does not answer", "medium"),
    ("database_writer", "Database writer does not run", "high"),
    ("heating_board", "Heating board is too hot", "critical"),
    ("power_supply", "Supply voltage is out of range", "high"),
    ("hat", "Reactor board does not respond", "high"),
    ("ownership_of_the_data", "Data cannot be written", "high"),
    ("configuration", "Configuration has faults", "low"),
    ("backup", "Database is not backed up", "low"),
)
"""Faults that the monitor of each unit finds; its sentence says what to do."""

DEFAULT_RULES: Final = (
    AlarmRule(
        name="unit_silent",
        title="Unit is lost",
        condition=UnitSilent(),
        severity="high",
        escalate_after_s=_ESCALATE_S,
        remedy="Check its power and network. Its jobs continue if it has power.",
    ),
    AlarmRule(
        name="job_lost",
        title="Job ended unexpectedly",
        condition=JobState(),
        severity="high",
        delay_s=10.0,
        escalate_after_s=_ESCALATE_S,
        remedy="Look at the log of the unit, and start the job again.",
    ),
    AlarmRule(
        name="records_waiting",
        title="Records wait for the leader",
        condition=RecordsWaiting(),
        severity="medium",
        remedy="They are stored on the unit. Check that the leader has free disk space and runs mqtt_to_db_streaming.",
    ),
    *(
        AlarmRule(name=name, title=title, condition=Diagnosis(job="monitor", name=name), severity=severity)
        for name, title, severity in _OF_THE_MACHINE
    ),
    AlarmRule(
        name="log_error",
        title="Error in the log",
        condition=LogEntry(),
        severity="medium",
        off_delay_s=0.0,
    ),
    AlarmRule(
        name="log_warning",
        title="Warning in the log",
        condition=LogEntry(levels=("warning",)),
        severity="low",
        off_delay_s=0.0,
        needs_acknowledgment=False,
    ),
)
