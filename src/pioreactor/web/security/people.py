"""The people who may sign in, and the first of them."""

from collections.abc import Sequence
from typing import Protocol

from pioreactor.web.security.passwords import generate_password, hash_password, verify_password

FIRST_PERSON = "pioreactor"


class People(Protocol):
    """Where the names and password hashes of people are kept."""

    def password_hash(self, username: str) -> str | None: ...

    def add(self, username: str, password_hash: str) -> None: ...

    def all(self) -> Sequence["Named"]: ...

    def set_password(self, username: str, password_hash: str) -> None: ...

    def remove(self, username: str) -> None: ...


class Named(Protocol):
    @property
    def username(self) -> str: ...


def ensure_first_person(people: People, *, username: str = FIRST_PERSON) -> str | None:
    """Add a person with a generated password where nobody can sign in yet.

    Returns the password, which is kept nowhere else, or None when somebody is there already.
    """
    if people.all():
        return None
    password = generate_password()
    people.add(username, hash_password(password))
    return password


_NOBODYS_HASH = "scrypt$16384$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAA"


def check(people: People, username: str, password: str) -> bool:
    """Say whether name and password belong together; takes as long for a name that does not exist."""
    stored = people.password_hash(username)
    matches = verify_password(password, stored if stored is not None else _NOBODYS_HASH)
    return matches and stored is not None
