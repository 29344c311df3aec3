"""Commands to running jobs, and the wait for their answers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from pioreactor import structs, topics
from pioreactor.clock.ports import Clock
from pioreactor.messaging.ports import Bus, Message
from pioreactor.states import JobState
from pioreactor.structs.commands import CommandAnnouncement, CommandAnswer, CommandStatus
from pioreactor.types import UNIVERSAL_IDENTIFIER

DEADLINE_S = 10.0
"""How long a sender waits for answers, unless it chooses otherwise [s]."""
_STATE_TIMEOUT_S = 1.0
"""A retained state arrives at once if there is one [s]."""
_MIN_SKEW = timedelta(seconds=1)
_ENDED = ("", JobState.DISCONNECTED)


@dataclass(slots=True)
class CommandOutcome:
    """What became of a command for one setting of the job on one unit."""

    unit: str
    setting: str
    status: CommandStatus | Literal["no_answer", "not_running"] = "no_answer"
    reason: str | None = None
    value: str | None = None
    """The payload that is in force now, if the job said so."""
    previous: str | None = None
    """The payload that was in force before, if the job said so."""
    is_final: bool = False
    _id: str = ""
    _skew: timedelta | None = None

    @property
    def is_success(self) -> bool:
        """Whether the job has done it, or has said that it will."""
        return self.status in ("accepted", "deferred")


class CommandSender:
    """Sends values of settings to one job, on one unit or on all (`$broadcast`)."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        *,
        unit: str,
        experiment: str,
        job: str,
        units: Sequence[str],
        requested_by: str = "",
    ) -> None:
        """`units` are those that may answer; `requested_by` names the person who asks for it."""
        self._requested_by = requested_by
        self._bus = bus
        self._clock = clock
        self._unit = unit
        self._experiment = experiment
        self._job = job
        self._units = units
        self._states: dict[str, str] = {}
        self._outcomes: dict[tuple[str, str], CommandOutcome] = {}
        self._arrived = clock.signal()
        self._subscriptions = ExitStack()
        self._settings: Mapping[str, bytes] = {}
        self._wait_s = self._started_s = 0.0
        self._expires_at = clock.now()

    def send(self, settings: Mapping[str, bytes], *, wait_s: float = DEADLINE_S) -> None:
        """Send values once; `wait` returns the answers.

        A job that gets to a command after `wait_s` answers that it has expired, and does not carry it out.
        """
        self._settings, self._wait_s = settings, wait_s
        self._started_s = self._clock.monotonic()
        self._expires_at = self._clock.now() + timedelta(seconds=wait_s)
        for unit in self._units:
            state = topics.state(unit, self._experiment, self._job)
            answers = topics.command_answer(unit, self._experiment, self._job, "+")
            for topic_filter, callback in ((state, self._on_state), (answers, self._on_answer)):
                self._subscriptions.callback(self._bus.subscribe(topic_filter, callback).cancel)
        for setting, payload in settings.items():
            identifier = secrets.token_hex(8)
            for unit in self._units:
                self._outcomes[unit, setting] = CommandOutcome(unit, setting, _id=identifier)
            self._publish(identifier, self._unit, setting, payload, self._expires_at)

    def wait(self) -> list[CommandOutcome]:
        """Wait for the final answers, until the deadline; return the outcome by unit and setting."""
        clock, until_s = self._clock, self._started_s + self._wait_s
        with self._subscriptions:
            while (left_s := until_s - clock.monotonic()) > 0:
                self._arrived.clear()
                self._repeat_for_other_clocks()
                is_state_known = clock.monotonic() - self._started_s >= _STATE_TIMEOUT_S
                if self._settle(is_state_known=is_state_known):
                    break
                self._arrived.wait(left_s if is_state_known else min(left_s, _STATE_TIMEOUT_S))
        return list(self._outcomes.values())

    def _publish(self, identifier: str, unit: str, setting: str, payload: bytes, expires_at: datetime) -> None:
        topic = topics.set_setting(unit, self._experiment, self._job, setting)
        text = payload.decode("utf-8", "replace")
        announcement = CommandAnnouncement(identifier, expires_at, text, self._requested_by)
        self._bus.publish(topics.announcement(topic), structs.encode(announcement), qos=1)
        self._bus.publish(topic, payload, qos=1)

    def _repeat_for_other_clocks(self) -> None:
        """Send again, by the clock of the unit, what expired there although the deadline has not passed here."""
        for outcome in list(self._outcomes.values()):
            skew, outcome._skew = outcome._skew, None
            if skew is not None:
                outcome._id, payload = secrets.token_hex(8), self._settings[outcome.setting]
                self._publish(outcome._id, outcome.unit, outcome.setting, payload, self._expires_at + skew)

    def _settle(self, *, is_state_known: bool) -> bool:
        """Return whether no further answer is expected; a job that does not run does not answer."""
        for outcome in self._outcomes.values():
            state = self._states.get(outcome.unit)
            is_unknown = state is None and is_state_known and self._unit == UNIVERSAL_IDENTIFIER
            if not outcome.is_final and outcome.status == "no_answer" and (is_unknown or state in _ENDED):
                outcome.status, outcome.is_final = "not_running", True
                outcome.reason = f"{self._job} is not running on {outcome.unit}"
        return all(outcome.is_final for outcome in self._outcomes.values())

    def _on_state(self, message: Message) -> None:
        parsed = topics.parse(message.topic)
        if parsed is not None and (message.retain or parsed.unit not in self._states):
            self._states[parsed.unit] = message.payload.decode("utf-8", "replace")
            self._arrived.set()

    def _on_answer(self, message: Message) -> None:
        parsed = topics.parse(message.topic)
        try:
            answer = structs.decode(message.payload, CommandAnswer)
        except msgspec.DecodeError:
            return
        key = (parsed.unit, topics.commanded_setting(message.topic.removesuffix("/answer"))) if parsed else None
        outcome = self._outcomes.get(key) if key is not None else None
        if outcome is None or outcome._id != answer.id or outcome.is_final:
            return
        skew = answer.answered_at - self._clock.now()
        if answer.status == "expired" and abs(skew) > _MIN_SKEW and outcome.reason is None:
            outcome._skew, outcome.reason = skew, answer.reason
        else:
            outcome.status, outcome.reason = answer.status, answer.reason
            outcome.value, outcome.previous = answer.value, answer.previous
            outcome.is_final = answer.status != "deferred"
        self._arrived.set()
