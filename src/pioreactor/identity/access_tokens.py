"""Named tokens with which programs act for a person. Shown once; only their hashes are stored."""

import hashlib
import logging
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

import msgspec

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, StorageError
from pioreactor.identity.authorization import checked_limit
from pioreactor.structs.encoding import from_timestamp, to_timestamp
from pioreactor.structs.rights import Area, Budget, Rights, Role

PREFIX: Final = "pio_"
"""Tokens are recognized by it, in requests and by scanners of published code."""
_USE_NOTED_EVERY: Final = timedelta(minutes=1)
_ID_LENGTH: Final = 12
_MAX_NAME_LENGTH: Final = 64

_log = logging.getLogger("pioreactor.identity")


class StoredToken(Protocol):
    """A token as the database keeps it."""

    @property
    def token_hash(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def username(self) -> str: ...

    @property
    def created_at(self) -> str: ...

    @property
    def expires_at(self) -> str | None: ...

    @property
    def last_used_at(self) -> str | None: ...

    @property
    def rights(self) -> Rights | None: ...


class TokenStorage(Protocol):
    """Storage of the hashes of tokens."""

    def tokens(self, username: str | None = None) -> Sequence[StoredToken]: ...

    def token(self, token_hash: str) -> StoredToken | None: ...

    def add_token(
        self,
        token_hash: str,
        *,
        label: str,
        username: str,
        expires_at: str | None = None,
        rights: Rights | None = None,
    ) -> None: ...

    def note_use(self, token_hash: str) -> None: ...

    def remove_token(self, token_hash: str) -> None: ...


class AccessTokenRow(msgspec.Struct):
    """A token without its secret. `expires_at` null: never; `last_used_at` null: not yet, else to the minute.

    `rights` null: it may do what its person may.
    """

    id: str
    name: str
    username: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    rights: Rights | None = None


class NewAccessToken(msgspec.Struct):
    """A token that was just made, and its secret, which is shown this once."""

    token: str
    id: str
    name: str
    username: str
    expires_at: str | None
    rights: Rights | None = None


class Bearer(NamedTuple):
    """The person of a token, and the limits of the token itself; None: those of the person."""

    username: str
    rights: Rights | None
    name: str


def create(
    storage: TokenStorage,
    *,
    name: str,
    username: str,
    now: datetime,
    expires_in_days: float | None = None,
    rights: Rights | None = None,
) -> NewAccessToken:
    """Make a token of a person; raise `ConflictError` when the person has one of that name."""
    name = name.strip()
    if not name or len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidRequestError(f"{name!r} is not a valid name", remedy=f"Use 1 to {_MAX_NAME_LENGTH} characters.")
    if any(row.label == name for row in storage.tokens(username)):
        raise ConflictError(
            f"{username} has a token {name!r} already", remedy="Choose another name, or revoke that token first."
        )
    token = PREFIX + secrets.token_urlsafe(32)
    token_hash = _hash(token)
    expires_at = to_timestamp(now + timedelta(days=expires_in_days)) if expires_in_days is not None else None
    storage.add_token(token_hash, label=name, username=username, expires_at=expires_at, rights=rights)
    return NewAccessToken(token, token_hash[:_ID_LENGTH], name, username, expires_at, rights)


def limits_of(
    *,
    role: Role | None = None,
    units: Iterable[str] | None = None,
    areas: Iterable[Area] | None = None,
    is_agent: bool = False,
    budget: Budget | None = None,
) -> Rights | None:
    """Return the limits of a token; None where there is none: it may do what its person may.

    Raise `InvalidRequestError` for a budget of a token that is no agent's.
    """
    if budget is not None and not is_agent:
        raise InvalidRequestError("only tokens of agents have a budget", remedy="Make it an agent's token.")
    if role is None and units is None and areas is None and not is_agent:
        return None
    return Rights(
        role if role is not None else "manager",
        checked_limit(units, "units"),
        areas=checked_limit(areas, "areas"),
        is_agent=is_agent,
        budget=budget,
    )


def list_all(storage: TokenStorage) -> list[AccessTokenRow]:
    """Return the tokens of everybody, by owner and age."""
    rows = sorted(storage.tokens(), key=lambda row: (row.username, row.created_at))
    return [
        AccessTokenRow(
            *(row.token_hash[:_ID_LENGTH], row.label, row.username, row.created_at),
            *(row.expires_at, row.last_used_at, row.rights),
        )
        for row in rows
    ]


def find(storage: TokenStorage, id_or_name: str) -> AccessTokenRow:
    """Return the token with this id, or the only one of this name; raise `NotFoundError` or `ConflictError`."""
    rows = list_all(storage)
    found = [row for row in rows if row.id == id_or_name] or [row for row in rows if row.name == id_or_name]
    if not found:
        raise NotFoundError(f"there is no token {id_or_name!r}")
    if len(found) > 1:
        ids = ", ".join(f"{row.id} of {row.username}" for row in found)
        raise ConflictError(f"several tokens are named {id_or_name!r}", remedy=f"Give the id: {ids}.")
    return found[0]


def revoke(storage: TokenStorage, id_: str) -> None:
    """Remove the token with this id; raise `NotFoundError` when there is none."""
    hashes = [row.token_hash for row in storage.tokens() if row.token_hash[:_ID_LENGTH] == id_]
    if not hashes:
        raise NotFoundError(f"there is no token {id_!r}")
    storage.remove_token(hashes[0])


def bearer_of(storage: TokenStorage, token: str, *, now: datetime) -> Bearer | None:
    """Return the person whose token this is, and note that it was used; None when it is unknown, or has expired."""
    if not token.startswith(PREFIX):
        return None
    stored = storage.token(_hash(token))
    if stored is None:
        return None
    if stored.last_used_at is None or now - from_timestamp(stored.last_used_at) >= _USE_NOTED_EVERY:
        try:
            storage.note_use(stored.token_hash)
        except StorageError as error:
            # The request matters more than the note, which the next request makes.
            _log.debug("The use of a token cannot be noted: %s", error)
    return Bearer(stored.username, stored.rights, stored.label)


def _hash(token: str) -> str:
    """Return the stored form; a fast hash is enough for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
