"""Authentication of every request, in front of the routes: unknown paths are refused like known ones.

Litestar runs middleware only for paths that it knows, which would tell strangers which ones these are.
"""

import asyncio
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

import msgspec

from pioreactor.exc import NotAuthenticatedError, NotPermittedError, PioreactorError
from pioreactor.web.asgi import App, Receive, Scope, Send
from pioreactor.web.problems import of_error
from pioreactor.web.security.sessions import COOKIE, Sessions

OPEN = frozenset({"/auth/sign-in", "/unit_api/health", "/api/health"})
"""Paths that need neither cookie nor token; static files are served in front of the authentication."""

CLUSTER = "cluster"
"""The user of a request that carries the cluster's token."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class AuthMiddleware:
    """ASGI middleware that admits requests with the cluster's token or the cookie of a session."""

    def __init__(self, app: App, *, token: str, sessions: Sessions | None = None) -> None:
        self._app = app
        self._token = token.encode()
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            scope["user"] = await self._authenticate(scope)
        except PioreactorError as error:
            await refuse(scope, receive, send, error)
            return
        await self._app(scope, receive, send)

    async def _authenticate(self, scope: Scope) -> str | None:
        """Return the name of the person, `CLUSTER` for the token, None where no authentication is needed."""
        headers = _headers_of(scope)
        method = str(scope.get("method", "GET"))
        if scope["path"] in OPEN:
            if method not in _SAFE_METHODS and "origin" in headers:
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
            raise NotAuthenticatedError("not signed in", remedy="Sign in with name and password.")
        if method not in _SAFE_METHODS or scope["type"] == "websocket":
            _check_origin(headers)
        return session.username


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
    await send({"type": "http.response.start", "status": of_error(error).status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _headers_of(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _check_origin(headers: dict[str, str]) -> None:
    """Raise `NotPermittedError` unless the page that sent the request was loaded from this server (CSRF)."""
    origin = headers.get("origin", "")
    if not origin or urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        raise NotPermittedError(
            "cross-site requests are not allowed",
            remedy="Use the pages of this server; programs send the cluster's token instead of a cookie.",
        )
