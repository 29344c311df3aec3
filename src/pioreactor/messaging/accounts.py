"""Broker accounts, and the password and ACL files of Mosquitto that define them."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pioreactor import topics
from pioreactor.exc import InvalidRequestError

Role = Literal["leader", "unit", "viewer", "bench", "home_assistant", "home_assistant_commands"]

HOME_ASSISTANT: Final = "home-assistant"
"""Name of the account of Home Assistant."""
PREFIX_OF_BENCHES: Final = "bench-"
"""What names of accounts of benches' brokers begin with."""
HOME_ASSISTANT_PREFIX: Final = "homeassistant"
"""First level of the topics of its discovery, unless the configuration says otherwise."""

_ITERATIONS = 5_000
"""Hashing blocks the broker, so this takes a few milliseconds; generated passwords need no more."""
_SALT_BYTES = 12
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the broker.

    A leader may do everything. A unit reads all our topics and writes only below its own name, so that it cannot
    command other units. The broker of a bench writes below its units' names, and reads what is for units. A viewer only
    reads. Home Assistant reads, and publishes its own state; where it may command,
    it asks the leader, which compares each command with the rights of a token.
    """

    name: str
    password: str = field(repr=False)
    role: Role = "unit"
    units: tuple[str, ...] = ()
    """Of a bench."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidRequestError(f"{self.name!r} is not a valid account name: use letters, digits, `.`, `_`, `-`")
        if not self.password:
            raise InvalidRequestError(f"the account {self.name} needs a password")


def make_password() -> str:
    """Return a random password of 192 bits."""
    return secrets.token_urlsafe(24)


def hash_password(password: str, *, salt: bytes | None = None, iterations: int = _ITERATIONS) -> str:
    """Return a password as Mosquitto 2 stores it: `$7$`, PBKDF2 with SHA-512."""
    salt = salt if salt is not None else secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def verify_password(password: str, hashed: str) -> bool:
    """Return whether a password matches a hash; a malformed hash matches nothing."""
    try:
        _, kind, iterations, salt, _ = hashed.split("$")
        if kind != "7":
            return False
        again = hash_password(password, salt=base64.b64decode(salt), iterations=int(iterations))
    except ValueError:
        return False
    return hmac.compare_digest(again, hashed)


def password_file(accounts: Iterable[Account]) -> str:
    """Return the accounts as a Mosquitto password file."""
    return "".join(f"{account.name}:{hash_password(account.password)}\n" for account in accounts)


def permission_file(accounts: Iterable[Account]) -> str:
    """Return the permissions of the accounts as a Mosquitto ACL file."""
    return "\n".join(
        f"user {account.name}\n" + "".join(f"topic {line}\n" for line in _acl_lines(account)) for account in accounts
    )


def _acl_lines(account: Account) -> list[str]:
    match account.role:
        case "leader":
            return ["readwrite #", "read $SYS/#"]
        case "unit":
            return [f"read {topics.everything()}", f"write {topics.ROOT}/{account.name}/#"]
        case "bench":
            return [f"read {topics.everything()}", *(f"write {topics.ROOT}/{unit}/#" for unit in account.units)]
        case "viewer":
            return [f"read {topics.everything()}"]
        case "home_assistant" | "home_assistant_commands":
            own = [f"read {topics.everything()}", f"readwrite {HOME_ASSISTANT_PREFIX}/status"]
            commands = [f"write {topics.home_assistant_command('+')}"]
            return [
                *(*own, f"read {HOME_ASSISTANT_PREFIX}/#"),
                *(commands if account.role == "home_assistant_commands" else []),
            ]


@dataclass(frozen=True, slots=True)
class Permissions:
    """The topic filters that one account may read and write."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()

    def may_read(self, topic: str) -> bool:
        """Return whether the account may read a topic."""
        return any(topics.matches(topic_filter, topic) for topic_filter in self.read)

    def may_write(self, topic: str) -> bool:
        """Return whether the account may write a topic."""
        return any(topics.matches(topic_filter, topic) for topic_filter in self.write)


def read_passwords(text: str) -> dict[str, str]:
    """Return the password hashes by account name."""
    lines = (line.strip() for line in text.splitlines())
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


def read_permissions(text: str) -> Mapping[str, Permissions]:
    """Return the permissions by account name from an ACL file as `permission_file` writes it."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    read: list[str] = []
    write: list[str] = []
    for line in text.splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword == "user":
            read, write = found.setdefault(rest.strip(), ([], []))
        elif keyword == "topic":
            access, _, topic_filter = rest.strip().partition(" ")
            if access in ("read", "readwrite"):
                read.append(topic_filter)
            if access in ("write", "readwrite"):
                write.append(topic_filter)
    return {name: Permissions(tuple(reads), tuple(writes)) for name, (reads, writes) in found.items()}
