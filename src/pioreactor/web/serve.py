"""Runs the web server of a unit until it is told to end."""

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from pioreactor.exc import ConflictError
from pioreactor.web.asgi import App

if TYPE_CHECKING:
    from collections.abc import Iterator

    import uvicorn

_LARGEST_FRAME = 128 * 1024
"""[bytes] Of a browser's WebSocket frame."""
_PATIENCE_S = 5
"""How long requests may go on after the server was told to end [s]; WebSockets are closed at once."""
_AT_ONCE = 200


def serve(app: App, host: str, port: int, *, on_start: Callable[[int], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; then end the open requests and return.

    `port` 0 takes a free one; `on_start` is told which, once connections are taken. Raise `ConflictError` when the
    port is taken.
    """
    listener = _listen(host, port)
    with listener:
        server = _server(app, lambda: _started(listener, on_start))
        with _ended_by_signals(server):
            asyncio.run(server.serve(sockets=[listener]))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConflictError(
            f"the web server cannot listen on {host}:{port}: {error.strerror}",
            remedy="End the program that uses the port, or choose another in [ui] port.",
        ) from error
    return listener


def _started(listener: socket.socket, on_start: Callable[[int], None] | None) -> None:
    if on_start is not None:
        on_start(int(listener.getsockname()[1]))


def _server(app: App, started: Callable[[], None]) -> "uvicorn.Server":
    import uvicorn

    class Server(uvicorn.Server):
        """Says when it takes connections, and leaves signals to us: they belong to the process, not to a library."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                started()

        def capture_signals(self) -> Any:
            return _nothing()

    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="websockets-sansio",
        ws_max_size=_LARGEST_FRAME,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_AT_ONCE,
        timeout_graceful_shutdown=_PATIENCE_S,
        interface="asgi3",
    )
    return Server(config)


@contextmanager
def _nothing() -> "Iterator[None]":
    yield


@contextmanager
def _ended_by_signals(server: "uvicorn.Server") -> "Iterator[None]":
    """Let SIGTERM and SIGINT end the server while it runs; a second one ends it without patience."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        if server.should_exit:
            server.force_exit = True
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
