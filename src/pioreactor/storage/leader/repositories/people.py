"""Who may sign in, who is invited, and the tokens that people gave to programs. Only hashes are kept."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, delete, insert, or_, select, update

from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.storage.leader.repositories.context import Access, Query, change, exists
from pioreactor.storage.leader.schema.tables import access_tokens, invitations, people
from pioreactor.storage.ports import ValueType
from pioreactor.structs.invitation import Invitation
from pioreactor.structs.rights import VIEWER, Rights

_MAX_LISTED: Final = 200
"""Invitations, the newest ones."""
_RIGHTS: Final = (people.c.role, people.c.units, people.c.experiments)


class Person(msgspec.Struct, frozen=True):
    username: str
    created_at: str
    rights: Rights
    subject: str | None = None
    """Issuer and subject by which the person signs in; None: by password only."""


class AccessToken(msgspec.Struct, frozen=True):
    """A token that a person gave to a program; `expires_at` None: never, `last_used_at` None: not yet."""

    token_hash: str
    label: str
    username: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None = None
    rights: Rights | None = None
    """Limits of the token itself; None: those of the person."""


class People:
    """Hashing is the caller's; here a hash is an opaque text."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self) -> list[Person]:
        columns = (people.c.username, people.c.created_at, people.c.subject)
        query = select(*columns, *_RIGHTS).order_by(people.c.username)
        return [
            Person(str(name), str(at), _rights(row), str(subject) if subject is not None else None)
            for name, at, subject, *row in self._access.rows(query)
        ]

    def rights(self, username: str) -> Rights | None:
        """Return what a person may do, None when there is no such person."""
        rows = self._access.rows(select(*_RIGHTS).where(people.c.username == username))
        return _rights(rows[0]) if rows else None

    def set_rights(self, username: str, rights: Rights) -> None:
        with self._access.writing() as connection:
            if not change(connection, update(people).where(people.c.username == username).values(_columns(rights))):
                raise _unknown(username)

    def password_hash(self, username: str) -> str | None:
        """Return what to compare a password with, None when there is no such person."""
        rows = self._access.rows(select(people.c.password_hash).where(people.c.username == username))
        return str(rows[0][0]) if rows else None

    def username_of(self, subject: str) -> str | None:
        """Return who signs in as this subject of an issuer; None: no one yet."""
        rows = self._access.rows(select(people.c.username).where(people.c.subject == subject))
        return str(rows[0][0]) if rows else None

    def bind(self, username: str, subject: str) -> bool:
        """Let a person sign in as this subject; return False, without a change, when they do as another one."""
        with self._access.writing() as connection:
            is_free = (people.c.username == username) & people.c.subject.is_(None)
            return change(connection, update(people).where(is_free).values(subject=subject)) > 0

    def add(self, username: str, password_hash: str, rights: Rights = VIEWER, subject: str | None = None) -> None:
        """Raises `ConflictError` when the name, or the subject of an issuer, is taken."""
        with self._access.writing() as connection:
            is_taken = people.c.username == username
            if subject is not None:
                is_taken |= people.c.subject == subject
            if exists(connection, select(people).where(is_taken)):
                raise ConflictError(f"there is already a person {username!r}")
            values = {"username": username, "password_hash": password_hash, "created_at": self._access.timestamp()}
            values |= {"subject": subject} if subject is not None else {}
            change(connection, insert(people).values(values | _columns(rights)))

    def set_password(self, username: str, password_hash: str) -> None:
        with self._access.writing() as connection:
            is_named = people.c.username == username
            if not change(connection, update(people).where(is_named).values(password_hash=password_hash)):
                raise _unknown(username)

    def remove(self, username: str) -> None:
        """Remove a person and every token of theirs."""
        with self._access.writing() as connection:
            if not change(connection, delete(people).where(people.c.username == username)):
                raise _unknown(username)
            change(connection, delete(access_tokens).where(access_tokens.c.username == username))

    def tokens(self, username: str | None = None) -> list[AccessToken]:
        """Return the tokens of a person, or of all; those that expired are among them."""
        return self._tokens(*([access_tokens.c.username == username] if username is not None else []))

    def token(self, token_hash: str) -> AccessToken | None:
        """Return a token that is still good."""
        is_valid = or_(access_tokens.c.expires_at.is_(None), access_tokens.c.expires_at > self._access.timestamp())
        found = self._tokens(access_tokens.c.token_hash == token_hash, is_valid)
        return found[0] if found else None

    def add_token(
        self,
        token_hash: str,
        *,
        label: str,
        username: str,
        expires_at: str | None = None,
        rights: Rights | None = None,
    ) -> None:
        """`expires_at` is a stored timestamp (ISO, milliseconds, `Z`)."""
        with self._access.writing() as connection:
            if not exists(connection, select(people).where(people.c.username == username)):
                raise _unknown(username)
            values = {"token_hash": token_hash, "label": label, "username": username, "expires_at": expires_at}
            values["rights"] = msgspec.json.encode(rights).decode() if rights is not None else None
            change(connection, insert(access_tokens).values(**values, created_at=self._access.timestamp()))

    def note_use(self, token_hash: str) -> None:
        """Store that a token was used now."""
        with self._access.writing() as connection:
            is_token = access_tokens.c.token_hash == token_hash
            change(connection, update(access_tokens).where(is_token).values(last_used_at=self._access.timestamp()))

    def remove_token(self, token_hash: str) -> None:
        """Removing what is not there is harmless."""
        with self._access.writing() as connection:
            change(connection, delete(access_tokens).where(access_tokens.c.token_hash == token_hash))

    def _tokens(self, *conditions: ColumnElement[bool]) -> list[AccessToken]:
        columns = access_tokens.c
        query = select(
            *(columns.token_hash, columns.label, columns.username),
            *(columns.created_at, columns.expires_at, columns.last_used_at, columns.rights),
        ).where(*conditions)
        rows = self._access.rows(query.order_by(columns.created_at, columns.label))
        return [AccessToken(*(*row[:-1], _of_token(row[-1]))) for row in rows]


class Invitations:
    """Invitations by link; hashing is the caller's."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self) -> list[Invitation]:
        """Return the newest invitations, whatever has become of them."""
        return self._found(select(invitations).order_by(invitations.c.created_at.desc()).limit(_MAX_LISTED))

    def find(self, secret_hash: str) -> Invitation | None:
        """Return the invitation with this hash, whatever has become of it."""
        found = self._found(select(invitations).where(invitations.c.secret_hash == secret_hash))
        return found[0] if found else None

    def add(self, invitation: Invitation) -> None:
        values = msgspec.structs.asdict(invitation) | {"rights": msgspec.json.encode(invitation.rights).decode()}
        with self._access.writing() as connection:
            change(connection, insert(invitations).values(**values))

    def revoke(self, secret_hash: str) -> None:
        """Revoke one that is not used; revoking what is not there is harmless."""
        is_unused = (invitations.c.secret_hash == secret_hash) & invitations.c.used_at.is_(None)
        with self._access.writing() as connection:
            change(connection, update(invitations).where(is_unused).values(revoked_at=self._access.timestamp()))

    def use(self, invitation: Invitation, username: str, password_hash: str) -> bool:
        """Add the invited person; return False, without any change, when the invitation is not open any more.

        Both or neither is done. Raises `ConflictError` when the name is taken: the invitation stays open.
        """
        columns, now = invitations.c, self._access.timestamp()
        is_open = (columns.secret_hash == invitation.secret_hash) & (columns.expires_at > now)
        is_open &= columns.used_at.is_(None) & columns.revoked_at.is_(None)
        with self._access.writing() as connection:
            if not change(connection, update(invitations).where(is_open).values(used_at=now, used_by=username)):
                return False
            if exists(connection, select(people).where(people.c.username == username)):
                raise ConflictError(f"there is already a person {username!r}", remedy="Choose another name.")
            values = {"username": username, "password_hash": password_hash, "created_at": now}
            change(connection, insert(people).values(values | _columns(invitation.rights)))
        return True

    def _found(self, query: Query) -> list[Invitation]:
        names = [column.name for column in invitations.columns]
        rows = [dict(zip(names, row, strict=True)) for row in self._access.rows(query)]
        return [Invitation(**(row | {"rights": _of_token(row["rights"])})) for row in rows]


def _rights(row: Sequence[ValueType]) -> Rights:
    """Return the rights that are stored; what cannot be read gives none but a viewer's."""
    role, units, experiments = row
    try:
        return msgspec.convert({"role": role, "units": _names(units), "experiments": _names(experiments)}, Rights)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return VIEWER


def _of_token(stored: ValueType) -> Rights | None:
    if stored is None:
        return None
    try:
        return msgspec.json.decode(str(stored), type=Rights)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return VIEWER


def _names(stored: ValueType) -> list[str] | None:
    return msgspec.json.decode(str(stored), type=list[str]) if stored is not None else None


def _columns(rights: Rights) -> dict[str, str | None]:
    lists = {"units": rights.units, "experiments": rights.experiments}
    return {"role": rights.role} | {
        name: msgspec.json.encode(names).decode() if names is not None else None for name, names in lists.items()
    }


def _unknown(username: str) -> NotFoundError:
    return NotFoundError(f"there is no person {username!r}")
