"""A person in whose name another system acts, by a token, with the rights of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pioreactor.identity import access_tokens
from pioreactor.identity.access_tokens import AccessTokenRow
from pioreactor.identity.authorization import Request, check
from pioreactor.structs.encoding import from_timestamp
from pioreactor.structs.rights import Rights

if TYPE_CHECKING:
    from pioreactor.storage.leader.repositories.people import People


@dataclass(frozen=True, slots=True)
class Delegate:
    """A person, and the rights that the person and a token have in common."""

    username: str
    token: str
    """Name of the token."""
    rights: Rights

    def check(self, unit: str, experiment: str, *, experiment_of: Callable[[str], str | None]) -> None:
        """Raise `NotPermittedError` unless it may change settings of this unit in this experiment."""
        check(self.rights, Request("operate", "units", unit, experiment), experiment_of=experiment_of)


def delegate_of(people: People, token: str, *, now: datetime) -> Delegate | None:
    """Return the person of the token with this id; None when it is unknown, has expired, or was revoked."""
    row = next((one for one in access_tokens.list_all(people) if one.id == token), None)
    rights = people.rights(row.username) if row is not None else None
    if row is None or rights is None or _has_expired(row, now):
        return None
    return Delegate(row.username, row.name, rights if row.rights is None else rights.within(row.rights))


def _has_expired(row: AccessTokenRow, now: datetime) -> bool:
    return row.expires_at is not None and from_timestamp(row.expires_at) <= now
