"""Payloads of commands that are answered: what announces them, and what a job answers."""

from datetime import datetime
from typing import Literal

from pioreactor.structs.encoding import JSONPrintedStruct

CommandStatus = Literal["accepted", "refused", "deferred", "expired"]


class CommandAnnouncement(JSONPrintedStruct, omit_defaults=True):
    """Sent before the plain payload of a command, which it identifies by its content."""

    id: str
    expires_at: datetime
    """After this time no sender waits for the answer, and the command is not to be carried out."""
    payload: str
    requested_by: str = ""
    """Name of the person who asks for it; empty where that is not known."""


class CommandAnswer(JSONPrintedStruct, omit_defaults=True):
    """What a job did about a command. `deferred` is followed by another answer, once the job is no longer busy."""

    id: str
    status: CommandStatus
    answered_at: datetime
    reason: str | None = None
    """Why it was refused, deferred or has expired."""
    value: str | None = None
    """The payload that is in force now."""
    previous: str | None = None
    """The payload that was in force before."""


def deed(person: str, what: str) -> str:
    """Return the sentence of a log entry: who did what (in the past tense); without a name where it is not known."""
    return f"{person} {what}." if person else f"{what[:1].upper()}{what[1:]}."
