"""Who sends a request, as the authentication found it: a kind and a name."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["person", "token", "unit"]
SCOPE_KEY: Final = "user"
"""Key of the identity in the scope of a request; None on paths that need no authentication."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person with a session, a program with a person's token, or a unit; the kind never follows from the name."""

    kind: Kind
    name: str
    """Name of the person, or of the unit."""


def identity_of(scope: object) -> Identity | None:
    """Return who sent the request with this ASGI scope."""
    found = scope.get(SCOPE_KEY) if isinstance(scope, dict) else None
    return found if isinstance(found, Identity) else None
