"""People who may sign in, and the first account."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from pioreactor.exc import ConflictError, InvalidRequestError
from pioreactor.identity.access_tokens import TokenStorage
from pioreactor.identity.passwords import generate_password, hash_password, verify_password
from pioreactor.identity.sessions import Sessions
from pioreactor.private_files import write_atomically
from pioreactor.structs.rights import MANAGER, VIEWER, Rights

FIRST_PERSON = "pioreactor"
FIRST_PASSWORD_FILE = "first_sign_in"
USERNAME: Final = r"[A-Za-z0-9_.@-]{1,64}"
MIN_PASSWORD_LENGTH: Final = 10
MAX_PASSWORD_LENGTH: Final = 1000
_DUMMY_HASH: Final = "scrypt$16384$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAA"


class People(Protocol):
    """Storage of names and password hashes."""

    def password_hash(self, username: str) -> str | None: ...

    def add(self, username: str, password_hash: str, rights: Rights = ..., subject: str | None = ...) -> None: ...

    def username_of(self, subject: str) -> str | None: ...

    def bind(self, username: str, subject: str) -> bool: ...

    def rights(self, username: str) -> Rights | None: ...

    def set_rights(self, username: str, rights: Rights) -> None: ...

    def all(self) -> Sequence["Named"]: ...

    def set_password(self, username: str, password_hash: str) -> None: ...

    def remove(self, username: str) -> None: ...


class Named(Protocol):
    @property
    def username(self) -> str: ...

    @property
    def rights(self) -> Rights: ...

    @property
    def subject(self) -> str | None: ...


class PeopleAndTokens(People, TokenStorage, Protocol):
    """Storage of the people and of the tokens that they gave to programs."""


def ensure_first_person(people: People, *, username: str = FIRST_PERSON) -> str | None:
    """Add a manager with a generated password if there is no person yet.

    Return the password, which is stored only as a hash, or None when there is a person already.
    """
    if people.all():
        return None
    password = generate_password()
    people.add(username, hash_password(password), MANAGER)
    return password


def add_first_person(people: People, secrets_dir: Path) -> Path | None:
    """Add the first person who may sign in, if there is none; return the file with the generated password.

    Only its owner can read it.
    """
    password = ensure_first_person(people)
    if password is None:
        return None
    secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = secrets_dir / FIRST_PASSWORD_FILE
    write_atomically(path, password + "\n", mode=0o600)
    return path


def check(people: People, username: str, password: str) -> bool:
    """Return whether the password is right; takes the same time for a name that does not exist or has none."""
    stored = people.password_hash(username)
    matches = verify_password(password, stored if stored else _DUMMY_HASH)
    return matches and bool(stored)


def add(people: People, username: str, password: str, rights: Rights = VIEWER) -> None:
    """Add a person who may sign in, as a viewer unless said otherwise; `ConflictError` when the name is taken."""
    check_new(username, password)
    people.add(username, hash_password(password), rights)


def is_valid_name(username: str) -> bool:
    """Return whether a person may have this name."""
    return re.fullmatch(USERNAME, username) is not None


def check_new(username: str, password: str) -> None:
    """Raise `InvalidRequestError` unless a new person may have this name and this password."""
    if not is_valid_name(username):
        raise InvalidRequestError(
            f"{username[:64]!r} is not a valid name", remedy="Use 1 to 64 letters, digits and the characters _ . @ -"
        )
    _check_password(password)


def set_password(
    people: People, sessions: Sessions, username: str, password: str, *, kept_session: str | None = None
) -> None:
    """Give a person another password and end their sessions, except that of the cookie `kept_session`."""
    _check_password(password)
    people.set_password(username, hash_password(password))
    sessions.close_all_of(username, but=kept_session)


def remove(people: People, sessions: Sessions, username: str) -> None:
    """Remove a person, their sessions and their tokens; raise `ConflictError` for the last manager."""
    _require_other_manager(people, username)
    people.remove(username)
    sessions.close_all_of(username)


def set_rights(people: People, username: str, rights: Rights) -> None:
    """Give a person another role and other limits; raise `ConflictError` when no manager would be left."""
    if not rights.is_manager:
        _require_other_manager(people, username)
    people.set_rights(username, rights)


def _require_other_manager(people: People, username: str) -> None:
    """Raise `ConflictError` for the last person, and for the last who may manage the whole cluster."""
    known = people.all()
    if [username] in ([one.username for one in known if one.rights.is_manager], [one.username for one in known]):
        raise ConflictError(
            f"{username} is the last person who may manage the cluster", remedy="Make another person a manager first."
        )


def _check_password(password: str) -> None:
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise InvalidRequestError(
            f"a password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters", remedy="Choose another one."
        )
