"""Authentication of every request, in front of the routes: unknown paths are refused like known ones.

Litestar runs middleware only for paths that it knows, which would tell strangers which ones these are.
"""

import asyncio
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final

import msgspec

from pioreactor.exc import NotAuthenticatedError, PioreactorError
from pioreactor.http.deadline import SAFE_METHODS, check_deadline
from pioreactor.http.units import TARGET_HEADER
from pioreactor.identity.access_tokens import Bearer
from pioreactor.identity.sessions import COOKIE, Sessions
from pioreactor.structs.rights import Rights
from pioreactor.web.asgi import App, Receive, Scope, Send
from pioreactor.web.problems import of_error
from pioreactor.web.security.identity import SCOPE_KEY, Identity
from pioreactor.web.security.origins import Origins, check_session

OPEN = frozenset(
    {
        "/auth/sign-in",
        "/auth/invitation",
        "/auth/invitation/accept",
        "/auth/oidc",
        "/auth/oidc/start",
        "/auth/oidc/return",
        "/unit_api/health",
        "/api/health",
    }
)
"""Paths that need neither cookie nor token; static files are served in front of the authentication."""
_RECENT_S: Final = 1.0
_MAX_RECENT: Final = 1000


class MisaddressedError(PioreactorError):
    """A request reached another unit than the one it names in `X-Pioreactor-Target`; nothing was done."""

    code = "misaddressed"
    status = 409
    remedy = "Correct the address of the unit in [cluster.addresses]."


class Authenticator:
    """Finds who sends a request, by the token or the session cookie in its headers.

    `unit` is the one that serves. `unit_of` returns the unit of a token, `bearer_of` the person of an access token,
    `rights_of` what a person may do; None for an unknown one.
    """

    def __init__(
        self,
        unit: str,
        unit_of: Callable[[str], Identity | None],
        *,
        sessions: Sessions | None = None,
        bearer_of: Callable[[str], Bearer | None] = lambda _: None,
        rights_of: Callable[[str], Rights | None] = lambda _: None,
    ) -> None:
        self._unit = unit
        self._unit_of = unit_of
        self._sessions = sessions
        self._bearer_of = bearer_of
        self._rights_of = rights_of

    def by_token(self, token: str) -> Identity | None:
        """Return whose token this is; None when it is unknown."""
        bearer = self._bearer_of(token)
        if bearer is None:
            return self._unit_of(token)
        rights = self._rights_of(bearer.username)
        if rights is None:
            return None
        allowed = rights.within(bearer.rights) if bearer.rights is not None else rights
        return Identity("token", bearer.username, rights=allowed, token=bearer.name)

    def check_target(self, headers: dict[str, str]) -> None:
        """Raise `MisaddressedError` for a request that names another unit as its target."""
        target = headers.get(TARGET_HEADER.lower())
        if target is not None and target != self._unit:
            raise MisaddressedError(f"this is {self._unit}; the request is for {target}")

    def by_cookie(self, cookie: str) -> Identity | None:
        """Return the person of a session; None when it is unknown or has expired."""
        session = self._sessions.find(cookie) if self._sessions is not None else None
        if session is None:
            return None
        rights = self._rights_of(session.username)
        return Identity("person", session.username, rights=rights) if rights is not None else None

    def identify(self, headers: dict[str, str]) -> Identity | None:
        """Return who sent these headers; None when they hold nothing valid. A token counts before a cookie."""
        authorization = headers.get("authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            return self.by_token(token.strip()) if scheme.lower() == "bearer" else None
        cookie = cookie_of(headers.get("cookie", ""))
        return self.by_cookie(cookie) if cookie is not None else None


class RecentSenders:
    """Who sent which headers within the last second, so that a burst of reads is not looked up on a thread each.

    `seconds` is any clock that does not go back. Units are looked up each time: their tokens are files.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._known: dict[tuple[str, str], tuple[Identity, float]] = {}

    def find(self, headers: dict[str, str]) -> Identity | None:
        """Return who sent these headers recently; None when they have to be looked up."""
        identity, until_s = self._known.get(_credentials(headers), (None, 0.0))
        return identity if self._seconds() < until_s else None

    def add(self, headers: dict[str, str], identity: Identity) -> None:
        """Remember for a second who sent these headers."""
        if identity.kind != "unit":
            if len(self._known) >= _MAX_RECENT:
                self.forget()
            self._known[_credentials(headers)] = identity, self._seconds() + _RECENT_S

    def forget(self) -> None:
        """Look everybody up again: a session may have been closed, or rights may have changed."""
        self._known.clear()


def _credentials(headers: dict[str, str]) -> tuple[str, str]:
    return headers.get("authorization", ""), headers.get("cookie", "")


class AuthMiddleware:
    """ASGI middleware that admits requests with a valid token or the cookie of a session."""

    def __init__(self, app: App, authenticator: Authenticator, origins: Origins) -> None:
        self._app = app
        self._authenticator = authenticator
        self._origins = origins
        self._recent = RecentSenders(time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            scope[SCOPE_KEY] = await self._authenticate(scope)
        except PioreactorError as error:
            await refuse(scope, receive, send, error)
            return
        if scope.get("method", "GET") in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._recent.forget()

    async def _identify(self, headers: dict[str, str], method: str) -> Identity | None:
        if method not in SAFE_METHODS:
            self._recent.forget()
        identity = self._recent.find(headers)
        if identity is None:
            identity = await asyncio.to_thread(self._authenticator.identify, headers)
            if identity is not None:
                self._recent.add(headers, identity)
        return identity

    async def _authenticate(self, scope: Scope) -> Identity | None:
        """Return who sent the request, None where no authentication is needed."""
        headers = headers_of(scope)
        method = str(scope.get("method", "GET"))
        if scope["path"] in OPEN:
            if method not in SAFE_METHODS and "origin" in headers:
                check_session(headers)
            return None
        identity = await self._identify(headers, method)
        is_known = identity is not None or "authorization" in headers
        if is_known and method not in SAFE_METHODS and scope["path"].startswith("/unit_api/"):
            # Before the token: that of the unit which was meant is unknown here.
            self._authenticator.check_target(headers)
        if identity is None:
            raise _unknown(has_token="authorization" in headers)
        if method not in SAFE_METHODS:
            check_deadline(headers, time.time())
        if method not in SAFE_METHODS or scope["type"] == "websocket":
            await self._check_change(headers, identity)
        return identity

    async def _check_change(self, headers: dict[str, str], identity: Identity) -> None:
        """Refuse a change that a page of a foreign origin sends."""
        if identity.kind == "person":
            check_session(headers)
        elif "origin" in headers:
            await asyncio.to_thread(self._origins.check, headers)


def _unknown(*, has_token: bool) -> NotAuthenticatedError:
    if has_token:
        return NotAuthenticatedError(
            "the token is unknown, has expired or was revoked",
            remedy="Send a valid one as `Authorization: Bearer TOKEN`; people make them on the page Tokens.",
        )
    return NotAuthenticatedError("not signed in", remedy="Sign in with name and password.")


def cookie_of(header: str) -> str | None:
    """Return the value of the session cookie in a `Cookie` header; None where there is none."""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None


async def refuse(scope: Scope, receive: Receive, send: Send, error: PioreactorError) -> None:
    """Answer with the error as the API does; a WebSocket is closed before it opens."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": str(error)[:100]})
        return
    body = msgspec.json.encode(of_error(error))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    given: dict[str, str] = getattr(error, "headers", {})
    headers += [(name.lower().encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": of_error(error).status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers of a request, their names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
