"""Asks a running job to change a setting, and hears what it answers."""

from __future__ import annotations

from enum import Enum

from pioreactor import topics
from pioreactor.messaging.ports import Message
from pioreactor.runtime.context import Runtime
from pioreactor.storage.ports import JobRecord
from pioreactor.structs import Log, decode

_REASON_S = 0.3


class Outcome(Enum):
    """What became of a request."""

    SENT = "sent"
    CHANGED = "changed"
    REFUSED = "refused"
    NO_ANSWER = "no answer"


class _Ear:
    """Hears the setting's new value, and the job's warnings."""

    def __init__(self, job_name: str) -> None:
        self._job_name = job_name
        self.before: str | None = None
        self.answer: str | None = None
        self.refusal: str | None = None

    def is_settled(self, wanted: str) -> bool:
        """Say whether nothing more needs to be heard."""
        return self.refusal is not None or (self.answer is not None and _same(self.answer, wanted))

    def hear_value(self, message: Message) -> None:
        text = message.payload.decode("utf-8", "replace")
        if message.retain:
            self.before = text
        else:
            self.answer = text

    def hear_log(self, message: Message) -> None:
        try:
            log = decode(message.payload, Log)
        except ValueError:
            return
        if log.task == self._job_name and log.level in ("WARNING", "ERROR"):
            self.refusal = log.message.removeprefix("Refused: ")


def change_setting(
    runtime: Runtime, record: JobRecord, setting: str, value: str, *, wait_s: float
) -> tuple[Outcome, str]:
    """Publish the command (QoS 1) and wait up to `wait_s` for the job; return what became of it, in words."""
    clock, job = runtime.clock, record.job_name
    place = (record.unit, record.experiment, job)
    ear, rung = _Ear(job), clock.signal()

    def hear_value(message: Message) -> None:
        ear.hear_value(message)
        rung.set()

    def hear_log(message: Message) -> None:
        ear.hear_log(message)
        rung.set()

    bus = runtime.buses.connect("pio-jobs-set")
    try:
        bus.subscribe(topics.setting(*place, setting), hear_value)
        for level in ("warning", "error"):
            bus.subscribe(topics.log(record.unit, record.experiment, "+", level), hear_log)
        bus.flush(wait_s)
        bus.publish(topics.set_setting(*place, setting), value, qos=1)
        if not bus.flush(max(wait_s, 1.0)):
            return Outcome.NO_ANSWER, "the broker does not respond; nothing was sent"
        if wait_s == 0:
            return Outcome.SENT, f"Sent {setting} = {value} to {job}."
        until = clock.monotonic() + wait_s
        while (left_s := until - clock.monotonic()) > 0:
            rung.clear()
            if ear.is_settled(value):
                break
            has_answered = ear.answer is not None
            # a job that refuses says its value again, and then why: the reason may be a moment behind
            if not rung.wait(min(left_s, _REASON_S) if has_answered else left_s) and has_answered:
                break
    finally:
        bus.close()
    return _told(ear, job, setting, value, wait_s)


def _told(ear: _Ear, job: str, setting: str, value: str, wait_s: float) -> tuple[Outcome, str]:
    if ear.refusal is not None:
        return Outcome.REFUSED, ear.refusal
    if ear.answer is not None:
        asked = "" if _same(ear.answer, value) else f" ({value} was requested)"
        return Outcome.CHANGED, f"{setting} of {job} is {ear.answer}{asked}."
    if ear.before is not None and _same(ear.before, value):
        return Outcome.CHANGED, f"{setting} of {job} was already {ear.before}."
    return Outcome.NO_ANSWER, f"{job} did not confirm the change of {setting} within {wait_s:g} s"


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one.casefold() == other.casefold()
