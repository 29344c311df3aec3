"""Which web pages may use the API: a browser names the page's origin in the header `Origin` (CSRF, CORS)."""

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from pioreactor.exc import NotPermittedError
from pioreactor.web.asgi import App, Message, Receive, Scope, Send

_LOCAL: Final = frozenset({"localhost", "127.0.0.1"})
_KEPT_S: Final = 30.0
_CORS: Final = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"Content-Type, Accept, Authorization, X-Pioreactor-Target, X-Pioreactor-Deadline",
    ),
    (b"access-control-max-age", b"600"),
)


class Origins:
    """Origins that may write with a token, and read answers: this server, this computer, and units of the cluster.

    `hosts` returns the names and addresses of the units; it is asked again after 30 s.
    """

    def __init__(
        self, hosts: Callable[[], Iterable[str]] = lambda: (), *, seconds: Callable[[], float] = monotonic
    ) -> None:
        self._hosts = hosts
        self._seconds = seconds
        self._known: frozenset[str] = frozenset()
        self._until_s = float("-inf")

    def allows(self, headers: dict[str, str]) -> bool:
        """Return whether a page of the origin in these headers may use the API with a token."""
        if is_same_origin(headers):
            return True
        try:
            parts = urlsplit(headers.get("origin", ""))
            host, port = parts.hostname, parts.port
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or host is None:
            return False
        return host in _LOCAL or (port in (None, 80, 443) and host in self._units())

    def check(self, headers: dict[str, str]) -> None:
        """Raise `NotPermittedError` for a request from a page of another origin."""
        if not self.allows(headers):
            raise NotPermittedError(
                f"cross-site requests are not allowed: this one comes from {headers['origin'][:100]}",
                remedy="Use the pages of this server, or of a unit of the cluster.",
            )

    def _units(self) -> frozenset[str]:
        now_s = self._seconds()
        if now_s >= self._until_s:
            self._known = frozenset(host.lower() for name in self._hosts() for host in (name, f"{name}.local"))
            self._until_s = now_s + _KEPT_S
        return self._known


def is_same_origin(headers: dict[str, str]) -> bool:
    """Return whether the page that sent a request was loaded from this server."""
    scheme, separator, origin = headers.get("origin", "").lower().partition("://")
    return scheme in ("http", "https") and separator != "" and origin == headers.get("host", "").lower() != ""


def check_session(headers: dict[str, str]) -> None:
    """Raise `NotPermittedError` unless the page that sent a session's cookie was loaded from this server."""
    if is_same_origin(headers):
        return
    origin = headers.get("origin", "")
    raise NotPermittedError(
        f"cross-site requests are not allowed: this one comes from {origin[:100]}"
        if origin
        else "a session of a browser only counts with the header Origin, which this request lacks",
        remedy="In a browser, use the pages of this server. Programs need no session: make a token "
        "(the page Tokens, or `pio tokens create` on the leader) and send it as `Authorization: Bearer TOKEN`.",
    )


class CrossOrigin:
    """ASGI middleware that lets pages of allowed origins read the answers of `/api`, and answers their preflights.

    Cookies are not among what it allows: such a page sends a token.
    """

    def __init__(self, app: App, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not str(scope["path"]).startswith("/api/"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        added = [(b"vary", b"Origin")]
        is_allowed = "origin" in headers and await asyncio.to_thread(self._origins.allows, headers)
        if is_allowed:
            added += [(b"access-control-allow-origin", headers["origin"].encode("latin-1")), *_CORS]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        if is_allowed and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await send_with_headers({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await self._app(scope, receive, send_with_headers)
