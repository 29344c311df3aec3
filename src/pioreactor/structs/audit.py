"""An entry of the audit trail: who changed what, chained to the entry before it by a hash."""

import hashlib
from typing import Annotated, Final, Literal

import msgspec

ActorKind = Literal["person", "token", "unit", "account", "none"]
"""Who acted: a person with a session, a program with a person's token, a unit, an account of the machine (command
line), or no one who is known (a sign-in that failed)."""
Outcome = Literal["done", "refused", "failed"]
FIRST_HASH: Final = "0" * 64
"""What the first entry is chained to."""
MAX_COMMAND: Final = 300
MAX_ACCOUNT: Final = 100


class AuditedChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change, or an attempt at one, before it has a place in the trail."""

    actor_kind: ActorKind
    actor: str
    """Name of the person, unit or account; of a token: of its person."""
    token: str | None = None
    """Name of the token."""
    action: str
    """What was asked for, as the API or the command line names it, such as `update_on_units`."""
    summary: str
    """One line for people."""
    outcome: Outcome = "done"
    unit: str | None = None
    experiment: str | None = None
    reason: str | None = None
    """Why, in the words of the one who acted."""
    request_id: str = ""
    sent_at: str | None = None
    """When it was sent, by the clock of the sender, where the sender said it."""
    details: str = "{}"
    """JSON: what was sent, and values before and after where they are known. Secrets are omitted."""


class TypedCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command that was typed on a unit's machine, as that machine tells it. A leader accepts nothing longer."""

    id: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """Random, so that a command which is told twice is recorded once; empty for one of an earlier version."""
    text: Annotated[str, msgspec.Meta(max_length=MAX_COMMAND)]
    account: Annotated[str, msgspec.Meta(max_length=MAX_ACCOUNT)] = ""
    """Account of the operating system."""
    at: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    """When it was typed, by the clock of that machine."""
    status: int | None = None
    """Exit status; None for a command that has only begun."""
    reason: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    """Why, in the words of the one who typed it."""

    def change(self, unit: str | None = None) -> AuditedChange:
        """Return what is recorded of it; characters that would command a terminal are replaced."""
        return AuditedChange(
            actor_kind="account",
            actor=_printable(self.account),
            action="command",
            summary=_printable(self.text),
            outcome="failed" if self.status else "done",
            unit=unit,
            reason=None if self.reason is None else _printable(self.reason),
            request_id=_printable(self.id),
            sent_at=None if self.at is None else _printable(self.at),
        )


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A change in its place: `id` counts from 1 without gaps, `timestamp` is by the clock of the leader."""

    id: int
    timestamp: str
    change: AuditedChange
    hash: str
    """SHA-256 of the hash of the entry before, and of this entry as canonical JSON."""


class AuditHead(msgspec.Struct, frozen=True):
    """A signed statement that the entry `id` had this hash at this time: entries up to it cannot have been cut off."""

    id: int
    timestamp: str
    hash: str
    signature: str


class ExportedHead(msgspec.Struct, frozen=True):
    """How far the trail had come when data was exported: the newest entry, and the newest one that was signed."""

    id: int
    timestamp: str
    hash: str
    signed: AuditHead | None = None


_encoder: Final = msgspec.json.Encoder(order="deterministic")


def chained(id_: int, timestamp: str, change: AuditedChange, previous: str) -> AuditEntry:
    """Return the entry that follows the one with the hash `previous`."""
    text = _encoder.encode([id_, timestamp, change])
    return AuditEntry(
        id=id_, timestamp=timestamp, change=change, hash=hashlib.sha256(previous.encode() + text).hexdigest()
    )
