"""Sessions of signed-in browsers: a random cookie each, of which only the hash is stored."""

import hashlib
import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from pioreactor.exc import NotFoundError, StorageError
from pioreactor.storage.ports import KeyValues
from pioreactor.structs.encoding import to_timestamp
from pioreactor.structs.sign_in import SessionRow

_log = logging.getLogger("pioreactor.identity")

STORE = "web_sessions"
"""Name of the store on the leader."""
COOKIE = "pioreactor_session"
LIFETIME_S = 30 * 24 * 3600.0
"""Lifetime of a session [s], longer than a typical experiment."""
CACHED_S = 5.0
"""How long a session that another process has closed (`pio people`) may still count in the web server [s]."""
_SEEN_NOTED_EVERY_S: Final = 60.0
_ID_LENGTH: Final = 12
_BROWSERS: Final = (
    *(("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("Chrom", "Chrome")),
    *(("CriOS", "Chrome"), ("Safari", "Safari")),
)
"""Part of the header `User-Agent`, and the browser that has it; most name those after them as well."""
_SYSTEMS: Final = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS")),
    *(("CrOS", "ChromeOS"), ("Linux", "Linux")),
)
_PROGRAM = re.compile(r"^[A-Za-z0-9._-]{1,40}")


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in; moments are Unix time [s]. Those of an earlier version know person and end only."""

    username: str
    expires: float
    opened: float | None = None
    seen: float | None = None
    """Start of the minute of the last request."""
    address: str = ""
    """IP address of the browser when it signed in; empty: not known."""
    browser: str = ""


class Sessions:
    """Open sessions, which survive a restart of the server; `seconds` is Unix time."""

    def __init__(self, stored: KeyValues, *, seconds: Callable[[], float]) -> None:
        self._stored = stored
        self._seconds = seconds
        self._cache: dict[str, tuple[Session, float]] = {}
        """Sessions that were read, and until when they are not read again [Unix s]."""

    def open(self, username: str, *, address: str = "", user_agent: str = "", instead_of: str | None = None) -> str:
        """Open a session and return its cookie, always a new one; expired sessions are removed.

        The session of the cookie `instead_of`, which the browser had before, is closed: a cookie that was planted in
        the browser is never that of a signed-in person.
        """
        now_s = self._seconds()
        for key, stored in self._stored.items():
            if _decode(stored).expires <= now_s:
                self._stored.pop(key)
        if instead_of is not None:
            self.close(instead_of)
        cookie = secrets.token_urlsafe(32)
        browser = described_browser(user_agent)
        session = Session(username, now_s + LIFETIME_S, now_s, _minute(now_s), _printable(address), browser)
        self._stored.set(_key(cookie), _encode(session))
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
            session = self._seen(key, _decode(stored), now_s)
            self._cache[key] = session, now_s + CACHED_S
        return session if session.expires > now_s else None

    def all(self, *, own: str | None = None) -> list[SessionRow]:
        """Return the open sessions of everybody, by person, those last seen first; `own` is the cookie of who asks."""
        now_s, of_asker = self._seconds(), _key(own) if own is not None else None
        found = [(str(key), _decode(stored)) for key, stored in self._stored.items()]
        valid = [(key, session) for key, session in found if session.expires > now_s]
        valid.sort(key=lambda one: (one[1].username, -(one[1].seen if one[1].seen is not None else 0.0)))
        return [_row(key, session, is_own=key == of_asker) for key, session in valid]

    def close_by_id(self, id_: str) -> None:
        """Close the session of this id; raise `NotFoundError` when there is none."""
        keys = [str(key) for key, _ in self._stored.items() if str(key)[:_ID_LENGTH] == id_]
        if not keys:
            raise NotFoundError(f"there is no session {id_[:64]!r}")
        self._close(keys[0])

    def close_all_of(self, username: str, *, but: str | None = None) -> None:
        """Close a person's sessions, except the one of the cookie `but`."""
        kept = _key(but) if but is not None else None
        for key, stored in self._stored.items():
            if _decode(stored).username == username and key != kept:
                self._close(str(key))

    def close(self, cookie: str) -> None:
        """Close the session of a cookie; one that is unknown is no error."""
        self._close(_key(cookie))

    def _close(self, key: str) -> None:
        self._stored.pop(key)
        self._cache.pop(key, None)

    def _seen(self, key: str, session: Session, now_s: float) -> Session:
        """Return the session as seen now, and store that, once a minute."""
        if session.seen is not None and 0 <= now_s - session.seen < _SEEN_NOTED_EVERY_S:
            return session
        noted = replace(session, seen=_minute(now_s))
        try:
            with self._stored.transaction() as stored:
                if stored.get(key) is not None:  # another process may have closed it
                    stored.set(key, _encode(noted))
        except StorageError as error:
            # The request matters more than the note, which a later request makes.
            _log.debug("That a session was seen cannot be noted: %s", error)
        return noted


def described_browser(user_agent: str) -> str:
    """Return a header `User-Agent` in a few words, such as "Firefox on Linux"; nothing of it is taken over as it is."""
    browser = next((name for part, name in _BROWSERS if part in user_agent), None)
    system = next((name for part, name in _SYSTEMS if part in user_agent), None)
    if browser is None:
        program = _PROGRAM.search(user_agent)
        return program[0] if program is not None else ""
    return f"{browser} on {system}" if system is not None else browser


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _minute(seconds: float) -> float:
    return seconds // _SEEN_NOTED_EVERY_S * _SEEN_NOTED_EVERY_S


def _printable(address: str) -> str:
    return "".join(character for character in address[:64] if character.isascii() and character.isprintable())


def _row(key: str, session: Session, *, is_own: bool) -> SessionRow:
    opened = _timestamp(session.opened) if session.opened is not None else None
    seen = _timestamp(session.seen) if session.seen is not None else None
    expires = _timestamp(session.expires)
    return SessionRow(
        key[:_ID_LENGTH], session.username, opened, seen, expires, session.address, session.browser, is_own
    )


def _timestamp(moment_s: float) -> str:
    return to_timestamp(datetime.fromtimestamp(moment_s, UTC))


def _encode(session: Session) -> str:
    return msgspec.json.encode(session).decode()


def _decode(stored: object) -> Session:
    try:
        return msgspec.json.decode(str(stored), type=Session)
    except msgspec.DecodeError:
        return Session("", 0.0)
