"""People who may sign in, and the first account."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pioreactor.identity.access_tokens import TokenStorage
from pioreactor.identity.passwords import generate_password, hash_password, verify_password
from pioreactor.private_files import write_atomically

FIRST_PERSON = "pioreactor"
FIRST_PASSWORD_FILE = "first_sign_in"


class People(Protocol):
    """Storage of names and password hashes."""

    def password_hash(self, username: str) -> str | None: ...

    def add(self, username: str, password_hash: str) -> None: ...

    def all(self) -> Sequence["Named"]: ...

    def set_password(self, username: str, password_hash: str) -> None: ...

    def remove(self, username: str) -> None: ...


class Named(Protocol):
    @property
    def username(self) -> str: ...


class PeopleAndTokens(People, TokenStorage, Protocol):
    """Storage of the people and of the tokens that they gave to programs."""


def ensure_first_person(people: People, *, username: str = FIRST_PERSON) -> str | None:
    """Add a person with a generated password if there is none yet.

    Return the password, which is stored only as a hash, or None when there is a person already.
    """
    if people.all():
        return None
    password = generate_password()
    people.add(username, hash_password(password))
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


_DUMMY_HASH = "scrypt$16384$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAA"


def check(people: People, username: str, password: str) -> bool:
    """Return whether the password is right; takes the same time for a name that does not exist."""
    stored = people.password_hash(username)
    matches = verify_password(password, stored if stored is not None else _DUMMY_HASH)
    return matches and stored is not None
