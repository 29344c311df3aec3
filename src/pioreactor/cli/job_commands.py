"""Requests of setting changes to a running job, and its answers."""

from __future__ import annotations

from enum import Enum

from pioreactor.jobs.command_sender import DEADLINE_S, CommandOutcome, CommandSender
from pioreactor.runtime.context import Runtime
from pioreactor.storage.ports import JobRecord


class Outcome(Enum):
    """Outcome of a request."""

    SENT = "sent"
    CHANGED = "changed"
    REFUSED = "refused"
    NO_ANSWER = "no answer"


def change_setting(
    runtime: Runtime, record: JobRecord, setting: str, value: str, *, wait_s: float
) -> tuple[Outcome, str]:
    """Send the command and wait up to `wait_s` for the job's answer to it; return the outcome and a message.

    With a wait of 0 the answer is not waited for, and the command expires after `DEADLINE_S`.
    """
    unit, experiment, job = record.unit, record.experiment, record.job_name
    bus = runtime.buses.connect("pio-jobs-set")
    try:
        sender = CommandSender(bus, runtime.clock, unit=unit, experiment=experiment, job=job, units=[unit])
        if wait_s == 0:
            sender.send({setting: value.encode()}, wait_s=DEADLINE_S)
            if not bus.flush(1.0):
                return Outcome.NO_ANSWER, "the broker does not respond; nothing was sent"
            return Outcome.SENT, f"Sent {setting} = {value} to {job}; it expires after {DEADLINE_S:g} s."
        sender.send({setting: value.encode()}, wait_s=wait_s)
        (outcome,) = sender.wait()
        if outcome.status == "no_answer" and not bus.is_connected():
            return Outcome.NO_ANSWER, f"the broker does not respond, and {job} did not answer within {wait_s:g} s"
    finally:
        bus.close()
    return _as_result(outcome, job, value, wait_s)


def _as_result(outcome: CommandOutcome, job: str, value: str, wait_s: float) -> tuple[Outcome, str]:
    setting = outcome.setting
    match outcome.status:
        case "accepted":
            now = outcome.value if outcome.value is not None else value
            asked = "" if _same(now, value) else f" ({value} was requested)"
            return Outcome.CHANGED, f"{setting} of {job} is {now}{asked}."
        case "deferred":
            return Outcome.SENT, f"{job} is busy; it sets {setting} to {value} next."
        case "refused" | "expired" | "not_running":
            return Outcome.REFUSED, outcome.reason if outcome.reason is not None else "it gave no reason"
        case "no_answer":
            expired = "it will not be carried out later"
            return Outcome.NO_ANSWER, f"{job} did not answer the change of {setting} within {wait_s:g} s; {expired}"


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one.casefold() == other.casefold()
