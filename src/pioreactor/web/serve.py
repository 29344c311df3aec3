"""The web server process of a unit."""

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from pioreactor.exc import ConflictError
from pioreactor.web.asgi import App

if TYPE_CHECKING:
    from collections.abc import Iterator

    import uvicorn

    from pioreactor.web.connection_limits import Limits

_MAX_FRAME_BYTES = 128 * 1024
"""Of a WebSocket frame from a browser."""
_SHUTDOWN_TIMEOUT_S = 5
"""For open requests after SIGTERM; WebSockets are closed at once."""
_MAX_TASKS = 400
"""Connections and requests, WebSockets included; above this, the answer is 503."""


def serve(
    app: App,
    host: str,
    port: int,
    *,
    on_start: Callable[[int], None] | None = None,
    trusted_proxies: Sequence[str] = (),
) -> None:
    """Serve until SIGTERM or SIGINT, then finish open requests and return.

    `port` 0 takes a free one; `on_start` is called with the port once connections are accepted. `X-Forwarded-For` and
    `X-Forwarded-Proto` count in requests from `trusted_proxies` only. Raise `ConflictError` when the port is in use.
    """
    listener = _listen(host, port)
    with listener:
        server = make_server(app, lambda: _started(listener, on_start), trusted_proxies)
        with _stopped_by_signals(server):
            asyncio.run(server.serve(sockets=[listener]))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With protocol 0 asyncio would not set TCP_NODELAY, and each keep-alive response would wait 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConflictError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            remedy="Stop the program that uses the port, or set another in [ui] port.",
        ) from error
    return listener


def _started(listener: socket.socket, on_start: Callable[[int], None] | None) -> None:
    if on_start is not None:
        on_start(int(listener.getsockname()[1]))


def make_server(
    app: App,
    started: Callable[[], None],
    trusted_proxies: Sequence[str] = (),
    limits: "Limits | None" = None,
) -> "uvicorn.Server":
    """Return the server of an app, with limits on connections."""
    import uvicorn

    from pioreactor.web.connection_limits import LimitedProtocol, Limits, OpenConnections

    others = OpenConnections(limits if limits is not None else Limits(proxies=frozenset(trusted_proxies)))

    class Server(uvicorn.Server):
        """A server that reports when it accepts connections and leaves signal handlers to the process."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                started()

        def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
            return _nothing()

    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=partial(LimitedProtocol, others=others),  # type: ignore[arg-type]
        ws="websockets-sansio",
        ws_max_size=_MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_MAX_TASKS,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT_S,
        interface="asgi3",
    )
    return Server(config)


@contextmanager
def _nothing() -> "Iterator[None]":
    yield


@contextmanager
def _stopped_by_signals(server: "uvicorn.Server") -> "Iterator[None]":
    """Stop the server at SIGTERM or SIGINT; a second one stops it without waiting for open requests."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if server.should_exit:
            server.force_exit = True
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
