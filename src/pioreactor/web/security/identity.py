"""Who sends a request, as the authentication found it: a kind and a name."""

import hmac
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Literal, TypeVar

from pioreactor.identity.unit_tokens import WorkerTokens, read_token
from pioreactor.structs.rights import Rights

_log = logging.getLogger("pioreactor.web")

T = TypeVar("T")
Kind = Literal["person", "token", "unit"]
Scope = Literal["all", "own", "joining"]
"""What a unit may do at its leader: everything (the leader itself); read, and command and report for itself; ask
whether it belongs to the cluster."""
CACHED_S: Final = 5.0
"""How long what another process has changed (`pio people`, `pio tokens`) may still count in the web server [s]."""
SCOPE_KEY: Final = "user"
"""Key of the identity in the scope of a request; None on paths that need no authentication."""
AGENT_KEY: Final = "pioreactor.agent"
"""Key in the scope of a request that an agent's tool makes: details that are recorded with it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person with a session, a program with a person's token, or a unit; the kind never follows from the name."""

    kind: Kind
    name: str
    """Name of the person, or of the unit; empty for a token that units of an earlier version share."""
    scope: Scope = "all"
    """Of units."""
    rights: Rights | None = None
    """Of people and of their programs; None: a viewer's."""
    token: str | None = None
    """Name of the token of a program."""


def identity_of(scope: object) -> Identity | None:
    """Return who sent the request with this ASGI scope."""
    found = scope.get(SCOPE_KEY) if isinstance(scope, dict) else None
    return found if isinstance(found, Identity) else None


class Cached(Generic[T]):
    """What is known of people, or of their tokens, read at most every few seconds.

    `read` returns None for an unknown key; `seconds` is any clock that does not go back [s].
    """

    def __init__(self, read: Callable[[str], T | None], *, seconds: Callable[[], float]) -> None:
        self._read = read
        self._seconds = seconds
        self._known: dict[str, tuple[T, float]] = {}

    def of(self, key: str) -> T | None:
        """Return what is known of a name or of a token; None when it is unknown."""
        found, until_s = self._known.get(key, (None, 0.0))
        if found is None or self._seconds() >= until_s:
            found = self._read(key)
            if found is None:
                self._known.pop(key, None)
            else:
                self._known[key] = found, self._seconds() + CACHED_S
        return found

    def forget(self) -> None:
        """Read everything again at the next request that needs it."""
        self._known.clear()


def person_named(scope: object) -> str:
    """Return the name of the person who sends a request, or whose program does; empty for a unit."""
    identity = identity_of(scope)
    return identity.name if identity is not None and identity.kind != "unit" else ""


def own_unit(secrets_dir: Path, own: str, token: str) -> Identity | None:
    """Return the identity of a request that a worker's server gets: only this unit and its leader have the token."""
    present = read_token(secrets_dir)
    is_own = present is not None and hmac.compare_digest(present.encode(), token.encode())
    return Identity("unit", own) if is_own else None


class UnitsByToken:
    """Finds which unit sends a request to the leader."""

    def __init__(self, secrets_dir: Path, leader: str, *, workers: Callable[[], Iterable[str]]) -> None:
        self._secrets = secrets_dir
        self._leader = leader
        self._workers = workers
        self._tokens = WorkerTokens(secrets_dir)
        self._has_reported = False

    def find(self, token: str) -> Identity | None:
        """Return the unit of a token; one that is not in the inventory may only ask whether it is."""
        leader = own_unit(self._secrets, self._leader, token)
        if leader is not None:
            return leader
        unit = self._tokens.unit_of(token)
        if unit is not None:
            return Identity("unit", unit, "own" if unit in self._workers() else "joining")
        shared = self._tokens.shared()
        if shared is None or not hmac.compare_digest(shared.encode(), token.encode()):
            return None
        if not self._has_reported:
            self._has_reported = True
            _log.warning(
                "A unit still uses the token that all units shared. It is accepted for reading until each worker has "
                "its own, which the leader hands out."
            )
        return Identity("unit", "", "own")
