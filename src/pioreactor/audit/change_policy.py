"""Which changes a lab wants a reason or a signature for, and signatures that were given and not used yet."""

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pioreactor.exc import NotPermittedError, PioreactorError

ALL: Final = "*"
SIGNATURE_LIFETIME_S: Final = 60.0
"""A signature is for the change that follows at once."""
MAX_REASON: Final = 500
_MAX_WAITING: Final = 1000


class ReasonRequiredError(PioreactorError):
    """The lab asks for a reason for this change, and none was given; nothing was changed."""

    code = "reason_required"
    status = 428
    remedy = "Say why: header `X-Pioreactor-Reason` (percent-encoded), `pio --reason TEXT`, or the dialog of the panel."


class SignatureRequiredError(PioreactorError):
    """The lab asks for a signature for this change, and none was given; nothing was changed."""

    code = "signature_required"
    status = 428
    remedy = "Sign it: POST /auth/signatures with your password, then send the id as `X-Pioreactor-Signature`."


def is_named(action: str, names: str) -> bool:
    """Return whether a list of a configuration, comma-separated, has this action."""
    listed = {each.strip() for each in names.split(",")}
    return action in listed or ALL in listed


@dataclass(frozen=True, slots=True)
class Signature:
    """A person, who gave the password again, has signed one request."""

    username: str
    request: str
    """Method and path, such as `DELETE /api/experiments/e`."""
    meaning: str
    until_s: float


class Signatures:
    """Signatures that were given and not used yet, each for one request of one person, for 60 s.

    They are kept in memory, by the hash of their ids; `seconds` is a clock that does not go back [s]. Thread-safe.
    """

    def __init__(self, *, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._waiting: dict[str, Signature] = {}
        self._lock = threading.Lock()

    def add(self, username: str, request: str, meaning: str) -> str:
        """Return the id of a new signature, which is valid once."""
        id_, now = secrets.token_urlsafe(24), self._seconds()
        with self._lock:
            kept = [(key, each) for key, each in self._waiting.items() if each.until_s > now]
            self._waiting = dict(kept[1 - _MAX_WAITING :])
            self._waiting[_hash(id_)] = Signature(username, request, meaning, now + SIGNATURE_LIFETIME_S)
        return id_

    def take(self, id_: str, username: str, request: str) -> Signature:
        """Return a signature and use it up; raise `NotPermittedError` unless it is of this person and request."""
        with self._lock:
            found = self._waiting.pop(_hash(id_), None)
        if found is None or (found.username, found.request) != (username, request) or found.until_s <= self._seconds():
            raise NotPermittedError("the signature is not valid for this change", remedy="Sign it again.")
        return found


def _hash(id_: str) -> str:
    return hashlib.sha256(id_.encode(errors="replace")).hexdigest()
