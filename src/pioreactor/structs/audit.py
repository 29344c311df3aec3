"""An entry of the audit trail: who changed what, chained to the entry before it by a hash."""

import hashlib
from typing import Final, Literal

import msgspec

ActorKind = Literal["person", "token", "unit", "account", "none"]
"""Who acted: a person with a session, a program with a person's token, a unit, an account of the machine (command
line), or no one who is known (a sign-in that failed)."""
Outcome = Literal["done", "refused", "failed"]
FIRST_HASH: Final = "0" * 64
"""What the first entry is chained to."""


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


_encoder: Final = msgspec.json.Encoder(order="deterministic")


def chained(id_: int, timestamp: str, change: AuditedChange, previous: str) -> AuditEntry:
    """Return the entry that follows the one with the hash `previous`."""
    text = _encoder.encode([id_, timestamp, change])
    return AuditEntry(
        id=id_, timestamp=timestamp, change=change, hash=hashlib.sha256(previous.encode() + text).hexdigest()
    )
