"""Signed-in browsers: a random cookie each, of which only the hash is kept."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from pioreactor.storage.ports import KeyValues

COOKIE = "pioreactor_session"
KEPT_S = 30 * 24 * 3600.0
"""How long a sign-in lasts [s]: an experiment runs for weeks, and its screen should not go blank."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, and until when [Unix seconds]."""

    username: str
    expires: float


class Sessions:
    """Sessions survive a restart of the server and end at sign-out; `seconds` is Unix time."""

    def __init__(self, kept: KeyValues, *, seconds: Callable[[], float]) -> None:
        self._kept = kept
        self._seconds = seconds
        self._seen: dict[str, Session] = {}

    def open(self, username: str) -> str:
        """Return the cookie of a new session; forgets sessions that are over."""
        for key, stored in self._kept.items():
            if _decode(stored).expires <= self._seconds():
                self._kept.pop(key)
        cookie = secrets.token_urlsafe(32)
        session = Session(username, self._seconds() + KEPT_S)
        self._kept.set(_key(cookie), msgspec.json.encode(session).decode())
        return cookie

    def find(self, cookie: str) -> Session | None:
        """Return the living session of a cookie."""
        key = _key(cookie)
        session = self._seen.get(key)
        if session is None:
            stored = self._kept.get(key)
            if stored is None:
                return None
            session = self._seen[key] = _decode(stored)
        return session if session.expires > self._seconds() else None

    def close_all_of(self, username: str, *, but: str | None = None) -> None:
        """Close a person's sessions, except the one of the cookie `but`."""
        kept = _key(but) if but is not None else None
        for key, stored in self._kept.items():
            if _decode(stored).username == username and key != kept:
                self._kept.pop(key)
                self._seen.pop(str(key), None)

    def close(self, cookie: str) -> None:
        key = _key(cookie)
        self._kept.pop(key)
        self._seen.pop(key, None)


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _decode(stored: object) -> Session:
    try:
        return msgspec.json.decode(str(stored), type=Session)
    except msgspec.DecodeError:
        return Session("", 0.0)
