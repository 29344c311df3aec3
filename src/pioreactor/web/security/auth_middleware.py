"""The door before everything the server does: locked unless a route is named here."""

import asyncio
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

import msgspec

from pioreactor.exc import NotAuthenticatedError, NotPermittedError, PioreactorError
from pioreactor.web.asgi import App, Message, Receive, Scope, Send
from pioreactor.web.problems import of_error
from pioreactor.web.security.sessions import COOKIE, Sessions

OPEN = frozenset({"/auth/sign-in", "/unit_api/health", "/api/health"})
"""What needs neither cookie nor token; the UI's files are served before the gate."""

CLUSTER = "cluster"
"""The user of a request that carries the cluster's token."""

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), usb=()"),
)
_CONTENT_POLICY = (
    b"content-security-policy",
    b"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    b"connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
)
"""Styles may be inline because the components of the UI set them on elements; scripts may not."""


class Gate:
    """Lets requests through that carry the cluster's token or the cookie of a session."""

    def __init__(self, app: App, *, token: str, sessions: Sessions | None = None) -> None:
        self._app = app
        self._token = token.encode()
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            scope["user"] = await self._who(scope)
        except PioreactorError as error:
            await refuse(scope, receive, send, error)
            return
        await self._app(scope, receive, send)

    async def _who(self, scope: Scope) -> str | None:
        """Return the person's name, "cluster" for the token, None where nobody needs to be known."""
        headers = _headers_of(scope)
        method = str(scope.get("method", "GET"))
        if scope["path"] in OPEN:
            if method not in _READS and "origin" in headers:
                _check_origin(headers)
            return None
        scheme, _, presented = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(presented.strip().encode(), self._token):
            return CLUSTER
        cookie = cookie_of(headers.get("cookie", ""))
        session = None
        if self._sessions is not None and cookie is not None:
            session = await asyncio.to_thread(self._sessions.find, cookie)
        if session is None:
            raise NotAuthenticatedError("sign in first")
        if method not in _READS or scope["type"] == "websocket":
            _check_origin(headers)
        return session.username


class SafeHeaders:
    """Adds the headers that tell browsers what pages of ours may not do."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in (*_HEADERS, _CONTENT_POLICY) if name not in present),
                ]
                if b"cache-control" not in present:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        await self._app(scope, receive, send_safely)


def cookie_of(header: str) -> str | None:
    """Return the session's cookie out of a `Cookie` header."""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None


async def refuse(scope: Scope, receive: Receive, send: Send, error: PioreactorError) -> None:
    """Answer with the error, in the words of the API; a WebSocket is refused before it opens."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": str(error)[:100]})
        return
    body = msgspec.json.encode(of_error(error))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": of_error(error).status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _headers_of(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _check_origin(headers: dict[str, str]) -> None:
    """Refuse what another site made the browser send: the page's host must be the host asked."""
    origin = headers.get("origin", "")
    if not origin or urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        raise NotPermittedError(
            "this request comes from another site",
            remedy="Use the pages of this server; programs send the cluster's token instead of a cookie.",
        )
