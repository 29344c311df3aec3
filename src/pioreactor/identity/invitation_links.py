"""Invitations: a manager hands out a link, and its holder chooses a name and a password, once.

The secret is in the fragment of the link, which browsers do not send; only its hash is stored.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.identity import people
from pioreactor.identity.passwords import hash_password
from pioreactor.structs.encoding import to_timestamp
from pioreactor.structs.invitation import Invitation, State
from pioreactor.structs.rights import Rights

PATH: Final = "/invitation#"
"""What follows the address of the panel in a link, before the secret."""
MAX_HOURS: Final = 30 * 24
MAX_NOTE_LENGTH: Final = 64
_ID_LENGTH: Final = 12


class InvitationStorage(Protocol):
    """Storage of the hashes of invitations."""

    def all(self) -> Sequence[Invitation]: ...

    def find(self, secret_hash: str) -> Invitation | None: ...

    def add(self, invitation: Invitation) -> None: ...

    def revoke(self, secret_hash: str) -> None: ...

    def use(self, invitation: Invitation, username: str, password_hash: str) -> bool: ...


class InvitationRow(msgspec.Struct):
    """An invitation without its secret. `used_at`, `used_by` null: not used."""

    id: str
    note: str
    invited_by: str
    rights: Rights
    created_at: str
    expires_at: str
    state: State
    used_at: str | None
    used_by: str | None


class NewInvitation(msgspec.Struct):
    """An invitation that was just made; `link` follows the address of the panel, and is shown this once."""

    link: str
    id: str
    expires_at: str


def create(
    storage: InvitationStorage, *, rights: Rights, hours: float, now: datetime, note: str = "", invited_by: str = ""
) -> NewInvitation:
    """Make an invitation that is valid for so many hours; raise `InvalidRequestError`."""
    note = note.strip()
    if len(note) > MAX_NOTE_LENGTH or not note.isprintable():
        raise InvalidRequestError(f"the note has to be printable, and have at most {MAX_NOTE_LENGTH} characters")
    if not 0 < hours <= MAX_HOURS:
        raise InvalidRequestError(f"an invitation is valid for up to {MAX_HOURS} h, not for {hours:g} h")
    secret = secrets.token_urlsafe(32)
    expires_at = to_timestamp(now + timedelta(hours=hours))
    made = Invitation(_hash(secret), note, invited_by, rights, to_timestamp(now), expires_at)
    storage.add(made)
    return NewInvitation(PATH + secret, made.secret_hash[:_ID_LENGTH], expires_at)


def list_all(storage: InvitationStorage, *, now: datetime) -> list[InvitationRow]:
    """Return the invitations, the newest first, those that are used, revoked or expired too."""
    moment = to_timestamp(now)
    return [
        InvitationRow(
            *(row.secret_hash[:_ID_LENGTH], row.note, row.invited_by, row.rights, row.created_at, row.expires_at),
            *(row.state(moment), row.used_at, row.used_by),
        )
        for row in storage.all()
    ]


def revoke(storage: InvitationStorage, id_: str) -> None:
    """Revoke the invitation of this id; raise `NotFoundError`, or `ConflictError` for one that was used."""
    found = [row for row in storage.all() if row.secret_hash[:_ID_LENGTH] == id_]
    if not found:
        raise NotFoundError(f"there is no invitation {id_[:64]!r}")
    if found[0].used_at is not None:
        raise ConflictError(f"this invitation was used by {found[0].used_by}", remedy="Remove the person instead.")
    storage.revoke(found[0].secret_hash)


def opened(
    storage: InvitationStorage, secret: str, *, now: datetime, rights_of: Callable[[str], Rights | None]
) -> Invitation:
    """Return the invitation of a link; raise `NotFoundError`, or `ConflictError` when it is not valid any more.

    That of a person who is no manager any more is not valid either.
    """
    found = storage.find(_hash(secret))
    if found is None:
        raise NotFoundError("this invitation is not known here", remedy="Open the link as it was sent.")
    state = found.state(to_timestamp(now))
    if state == "open" and found.invited_by:
        inviting = rights_of(found.invited_by)
        state = "open" if inviting is not None and inviting.is_manager else "revoked"
    if state != "open":
        raise _closed(state)
    return found


def accept(storage: InvitationStorage, invitation: Invitation, *, username: str, password: str) -> None:
    """Add the invited person; `ConflictError` when the name is taken, or the invitation was used meanwhile."""
    people.check_new(username, password)
    if not storage.use(invitation, username, hash_password(password)):
        raise _closed("used")


def throttled_name(secret: str) -> str:
    """Return the name under which attempts with a secret are counted; it is that of no person."""
    return f"invitation {_hash(secret)[:_ID_LENGTH]}"


def _closed(state: State) -> ConflictError:
    said = {"used": "was used already", "revoked": "was revoked", "expired": "has expired"}
    return ConflictError(f"this invitation {said.get(state, state)}", remedy="Ask a manager for another one.")


def _hash(secret: str) -> str:
    """Return the stored form; a fast hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
