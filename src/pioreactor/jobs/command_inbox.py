"""Commands that a job receives, paired with the announcements that identify them, and their answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from pioreactor import structs, topics
from pioreactor.exc import PioreactorError
from pioreactor.jobs.payloads import encode_payload
from pioreactor.jobs.registration import Registration
from pioreactor.messaging.ports import Message
from pioreactor.structs.commands import CommandAnnouncement, CommandAnswer, CommandStatus

_MAX_ANNOUNCED = 100
_KEPT = timedelta(hours=1)
"""How long an announcement outlasts its deadline: its payload may arrive after a loss of the connection."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command to set a setting, or the state."""

    name: str
    payload: bytes
    id: str | None
    """None for a plain payload, whose sender expects no answer."""
    _inbox: CommandInbox
    requested_by: str = ""
    """Name of the person who asked for it, if the sender said it."""

    @property
    def text(self) -> str:
        """Return the payload as text."""
        return self.payload.decode("utf-8", "replace")

    def answer(
        self, status: CommandStatus, reason: str | None = None, *, value: object = None, previous: object = None
    ) -> None:
        """Answer the sender. From any thread."""
        self._inbox.answer(self, status, reason, value, previous)

    def carry_out(self, run: Callable[[], object], *, before: object) -> None:
        """Run, and answer with the value that it returns; after an error answer with the value `before`, and raise."""
        try:
            value = run()
        except PioreactorError as error:
            self.answer("refused", str(error), value=before)
            raise
        except Exception as error:  # of a plugin's setter: the sender must learn of it too
            self.answer("refused", f"{type(error).__name__}: {error}", value=before)
            raise
        self.answer("accepted", value=value, previous=before)


class CommandInbox:
    """Receives the commands of a job or an action. Thread-safe.

    A sender that wants an answer publishes an announcement (`…/<setting>/set/command`) and then the plain payload
    (`…/<setting>/set`). They are paired by setting and payload, so that any other listener sees plain payloads only.
    """

    def __init__(self, registration: Registration, receive: Callable[[Command], None]) -> None:
        """`receive` is called with each command that has not expired, on the thread of the connection."""
        self._registration = registration
        self._receive = receive
        self._announced: list[tuple[str, CommandAnnouncement]] = []
        self._lock = threading.Lock()

    def subscribe(self, command_filter: str) -> None:
        """Listen to a filter that ends with `/set`."""
        self._registration.subscribe(topics.announcement(command_filter), self._on_announcement)
        self._registration.subscribe(command_filter, self._on_payload)

    def answer(
        self, command: Command, status: CommandStatus, reason: str | None, value: object, previous: object
    ) -> None:
        """Publish an answer, if the sender expects one."""
        if command.id is None:
            return
        registration = self._registration
        answer = CommandAnswer(command.id, status, registration.now(), reason, _text(value), _text(previous))
        topic = topics.command_answer(registration.unit, registration.experiment, registration.key, command.name)
        registration.publish(topic, structs.encode(answer))
        registration.flush()

    def _on_announcement(self, message: Message) -> None:
        if message.retain:
            return
        try:
            announcement = structs.decode(message.payload, CommandAnnouncement)
        except msgspec.DecodeError:
            self._registration.logger.debug("An announcement of a command is malformed.")
            return
        now = self._registration.now()
        with self._lock:
            kept = [(name, each) for name, each in self._announced if each.expires_at + _KEPT > now]
            self._announced = [*kept[1 - _MAX_ANNOUNCED :], (topics.commanded_setting(message.topic), announcement)]

    def _on_payload(self, message: Message) -> None:
        if message.retain:
            return
        name = topics.commanded_setting(message.topic)
        announcement = self._take(name, message.payload.decode("utf-8", "replace"))
        command = Command(
            name,
            message.payload,
            announcement.id if announcement is not None else None,
            self,
            announcement.requested_by if announcement is not None else "",
        )
        if announcement is not None and (late := self._registration.now() - announcement.expires_at) > timedelta(0):
            reason = f"it arrived {late.total_seconds():.3g} s after its deadline"
            command.answer("expired", reason)
            self._registration.logger.warning("Refused: %s = %.40s has expired: %s.", name, command.text, reason)
            return
        self._receive(command)

    def _take(self, name: str, payload: str) -> CommandAnnouncement | None:
        with self._lock:
            for index, (announced_name, announcement) in enumerate(self._announced):
                if announced_name == name and announcement.payload == payload:
                    del self._announced[index]
                    return announcement
        return None


def _text(value: object) -> str | None:
    return None if value is None else encode_payload(value).decode("utf-8", "replace")
