"""Requests of setting changes to a running job, and its responses."""

from __future__ import annotations

from enum import Enum

from pioreactor import topics
from pioreactor.messaging.ports import Message
from pioreactor.runtime.context import Runtime
from pioreactor.storage.ports import JobRecord
from pioreactor.structs import Log, decode

_REASON_S = 0.3


class Outcome(Enum):
    """Outcome of a request."""

    SENT = "sent"
    CHANGED = "changed"
    REFUSED = "refused"
    NO_ANSWER = "no answer"


class _Responses:
    """The setting's new value and the job's warnings, as received."""

    def __init__(self, job_name: str) -> None:
        self._job_name = job_name
        self.before: str | None = None
        self.answer: str | None = None
        self.refusal: str | None = None

    def is_settled(self, wanted: str) -> bool:
        """Return whether no further message needs to be received."""
        return self.refusal is not None or (self.answer is not None and _same(self.answer, wanted))

    def on_value(self, message: Message) -> None:
        text = message.payload.decode("utf-8", "replace")
        if message.retain:
            self.before = text
        else:
            self.answer = text

    def on_log(self, message: Message) -> None:
        try:
            log = decode(message.payload, Log)
        except ValueError:
            return
        if log.task == self._job_name and log.level in ("WARNING", "ERROR"):
            self.refusal = log.message.removeprefix("Refused: ")


def change_setting(
    runtime: Runtime, record: JobRecord, setting: str, value: str, *, wait_s: float
) -> tuple[Outcome, str]:
    """Publish the command (QoS 1) and wait up to `wait_s` for the job; return the outcome and a message."""
    clock, job = runtime.clock, record.job_name
    place = (record.unit, record.experiment, job)
    responses, arrived = _Responses(job), clock.signal()

    def on_value(message: Message) -> None:
        responses.on_value(message)
        arrived.set()

    def on_log(message: Message) -> None:
        responses.on_log(message)
        arrived.set()

    bus = runtime.buses.connect("pio-jobs-set")
    try:
        bus.subscribe(topics.setting(*place, setting), on_value)
        for level in ("warning", "error"):
            bus.subscribe(topics.log(record.unit, record.experiment, "+", level), on_log)
        bus.flush(wait_s)
        bus.publish(topics.set_setting(*place, setting), value, qos=1)
        if not bus.flush(max(wait_s, 1.0)):
            return Outcome.NO_ANSWER, "the broker does not respond; nothing was sent"
        if wait_s == 0:
            return Outcome.SENT, f"Sent {setting} = {value} to {job}."
        until = clock.monotonic() + wait_s
        while (left_s := until - clock.monotonic()) > 0:
            arrived.clear()
            if responses.is_settled(value):
                break
            has_answered = responses.answer is not None
            # A job that refuses publishes its value again and then logs the reason, which may arrive a moment later.
            if not arrived.wait(min(left_s, _REASON_S) if has_answered else left_s) and has_answered:
                break
    finally:
        bus.close()
    return _as_outcome(responses, job, setting, value, wait_s)


def _as_outcome(responses: _Responses, job: str, setting: str, value: str, wait_s: float) -> tuple[Outcome, str]:
    if responses.refusal is not None:
        return Outcome.REFUSED, responses.refusal
    if responses.answer is not None:
        asked = "" if _same(responses.answer, value) else f" ({value} was requested)"
        return Outcome.CHANGED, f"{setting} of {job} is {responses.answer}{asked}."
    if responses.before is not None and _same(responses.before, value):
        return Outcome.CHANGED, f"{setting} of {job} was already {responses.before}."
    return Outcome.NO_ANSWER, f"{job} did not confirm the change of {setting} within {wait_s:g} s"


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one.casefold() == other.casefold()
