"""Sessions of signed-in browsers: a random cookie each, of which only the hash is stored."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from pioreactor.storage.ports import KeyValues

STORE = "web_sessions"
"""Name of the store on the leader."""
COOKIE = "pioreactor_session"
LIFETIME_S = 30 * 24 * 3600.0
"""Lifetime of a session [s], longer than a typical experiment."""
CACHED_S = 5.0
"""How long a session that another process has closed (`pio people`) may still count in the web server [s]."""


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in, and when the session expires [Unix s]."""

    username: str
    expires: float


class Sessions:
    """Open sessions, which survive a restart of the server; `seconds` is Unix time."""

    def __init__(self, stored: KeyValues, *, seconds: Callable[[], float]) -> None:
        self._stored = stored
        self._seconds = seconds
        self._cache: dict[str, tuple[Session, float]] = {}
        """Sessions that were read, and until when they are not read again [Unix s]."""

    def open(self, username: str) -> str:
        """Open a session and return its cookie; expired sessions are removed."""
        for key, stored in self._stored.items():
            if _decode(stored).expires <= self._seconds():
                self._stored.pop(key)
        cookie = secrets.token_urlsafe(32)
        session = Session(username, self._seconds() + LIFETIME_S)
        self._stored.set(_key(cookie), msgspec.json.encode(session).decode())
        return cookie

    def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie; None when it is unknown or expired."""
        key, now_s = _key(cookie), self._seconds()
        session, until_s = self._cache.get(key, (None, 0.0))
        if session is None or not until_s - CACHED_S <= now_s < until_s:
            stored = self._stored.get(key)
            if stored is None:
                self._cache.pop(key, None)
                return None
            session = _decode(stored)
            self._cache[key] = session, now_s + CACHED_S
        return session if session.expires > now_s else None

    def close_all_of(self, username: str, *, but: str | None = None) -> None:
        """Close a person's sessions, except the one of the cookie `but`."""
        kept = _key(but) if but is not None else None
        for key, stored in self._stored.items():
            if _decode(stored).username == username and key != kept:
                self._stored.pop(key)
                self._cache.pop(str(key), None)

    def close(self, cookie: str) -> None:
        """Close the session of a cookie."""
        key = _key(cookie)
        self._stored.pop(key)
        self._cache.pop(key, None)


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _decode(stored: object) -> Session:
    try:
        return msgspec.json.decode(str(stored), type=Session)
    except msgspec.DecodeError:
        return Session("", 0.0)
