"""The web server process of a unit."""

import asyncio
import logging
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pioreactor.exc import ConflictError
from pioreactor.web.asgi import App

if TYPE_CHECKING:
    from collections.abc import Iterator

    from h11 import Request
    from uvicorn.server import ServerState

_log = logging.getLogger("pioreactor.web")

_MAX_FRAME_BYTES = 128 * 1024
"""Of a WebSocket frame from a browser."""
_SHUTDOWN_TIMEOUT_S = 5
"""For open requests after SIGTERM; WebSockets are closed at once."""
_MAX_TASKS = 600
"""Connections, WebSockets included; above this, the answer is 503. A process may have 1024 open files."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one server; times in s."""

    head_timeout_s: float = 10.0
    """From the opening of a connection, or the first byte of a later request, until the end of its headers."""
    body_timeout_s: float = 60.0
    """Within which the body ends, or `min_progress_bytes` of it arrive."""
    write_timeout_s: float = 60.0
    """Within which the client reads its response, or `min_progress_bytes` of it."""
    min_progress_bytes: int = 256 * 1024
    max_connections: int = 400
    max_per_address: int = 250
    """A browser opens six connections; thirty of them may share the address of a router."""
    proxies: Collection[str] = ()
    """Addresses of trusted proxies, which have no limit of their own."""


@dataclass
class OpenConnections:
    """The HTTP connections of a server, those first whose last response is longest ago.

    WebSockets have a limit of their own.
    """

    limits: Limits
    _open: "dict[LimitedProtocol, None]" = field(default_factory=dict)

    def admit(self, connection: "LimitedProtocol") -> bool:
        """Add a connection; close one that waits for its client if its place is needed; return False if none is."""
        is_admitted = self._has_place(connection.address) or _close_waiting(self._crowded(connection.address))
        if is_admitted:
            self._open[connection] = None
        return is_admitted

    def _has_place(self, address: str) -> bool:
        return len(self._open) < self.limits.max_connections and not self._is_full(address)

    def _is_full(self, address: str) -> bool:
        return address not in self.limits.proxies and len(self._of(address)) >= self.limits.max_per_address

    def _crowded(self, address: str) -> "list[LimitedProtocol]":
        """Return the connections of which one is to be closed: of a full address, else of the one that waits most."""
        if self._is_full(address):
            return self._of(address)
        most = Counter(other.address for other in self._open if other.waits_for_client).most_common(1)
        return self._of(most[0][0]) if most else []

    def _of(self, address: str) -> "list[LimitedProtocol]":
        return [other for other in self._open if other.address == address]

    def mark_used(self, connection: "LimitedProtocol") -> None:
        """Move a connection that got a response behind the others."""
        if connection in self._open:
            self._open[connection] = self._open.pop(connection)

    def remove(self, connection: "LimitedProtocol") -> None:
        """Remove a connection if it was admitted."""
        self._open.pop(connection, None)


def _close_waiting(connections: "list[LimitedProtocol]") -> bool:
    """Close the first idle connection, else the first that waits for its client; return False if there is none."""
    waiting = [connection for connection in connections if connection.waits_for_client]
    if waiting:
        min(waiting, key=lambda connection: not connection.is_idle).abort()
    return bool(waiting)


class LimitedProtocol(H11Protocol):
    """An HTTP/1.1 connection that is closed when its client takes too long.

    It costs the client nothing, so it must not keep others out; uvicorn has neither limit.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: "ServerState",
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        others: OpenConnections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._others = others
        self._limits = others.limits
        self._receive_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._is_receiving_body = False
        self._received_bytes = 0

    @property
    def address(self) -> str:
        """Return the address of the client."""
        return self.client[0] if self.client is not None else ""

    @property
    def waits_for_client(self) -> bool:
        """Return whether the next step is the client's: a request, the rest of one, or reading the response."""
        return self.is_idle or self.cycle.more_body or self.flow.write_paused

    @property
    def is_idle(self) -> bool:
        """Return whether no request is being received or answered."""
        return self.cycle is None or self.cycle.response_complete

    def abort(self) -> None:
        """Close the connection without waiting for the client."""
        self._others.remove(self)
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._others.admit(self):
            self._restart_receive_timer(self._limits.head_timeout_s, self.abort)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received_bytes += len(data)
        super().data_received(data)
        self._check_progress()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._others.mark_used(self)
        self._check_progress()

    def handle_websocket_upgrade(self, event: "Request") -> None:
        self._forget()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            self._start_write_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_write_timer()

    def _check_progress(self) -> None:
        """Run the timer of what is awaited from the client; data that do not complete it do not restart it."""
        if self.transport.get_protocol() is not self:
            return
        if self.is_idle:
            if self._is_receiving_body or self.timeout_keep_alive_task is not None:
                self._cancel_receive_timer()
            if self.timeout_keep_alive_task is None and self._receive_timer is None:
                self._restart_receive_timer(self._limits.head_timeout_s, self.abort)
        elif not self.cycle.more_body:
            self._cancel_receive_timer()
        elif not self._is_receiving_body:
            self._start_body_timer()

    def _forget(self) -> None:
        self._others.remove(self)
        self._cancel_receive_timer()
        self._cancel_write_timer()

    def _start_body_timer(self) -> None:
        required = self._received_bytes + self._limits.min_progress_bytes

        def check() -> None:
            if self._received_bytes < required:
                self.abort()
            else:
                self._start_body_timer()

        self._restart_receive_timer(self._limits.body_timeout_s, check)
        self._is_receiving_body = True

    def _start_write_timer(self) -> None:
        # Nothing is added to the buffer while writing is paused.
        most_unsent = self.transport.get_write_buffer_size() - self._limits.min_progress_bytes

        def check() -> None:
            if self.transport.get_write_buffer_size() > most_unsent:
                self.abort()
            else:
                self._start_write_timer()

        self._write_timer = self.loop.call_later(self._limits.write_timeout_s, check)

    def _restart_receive_timer(self, timeout_s: float, on_timeout: Callable[[], None]) -> None:
        self._cancel_receive_timer()
        self._receive_timer = self.loop.call_later(timeout_s, on_timeout)

    def _cancel_receive_timer(self) -> None:
        self._is_receiving_body = False
        if self._receive_timer is not None:
            self._receive_timer.cancel()
            self._receive_timer = None

    def _cancel_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None


def serve(
    app: App,
    host: str,
    port: int,
    *,
    on_start: Callable[[int], None] | None = None,
    trusted_proxies: Sequence[str] = (),
    tls: tuple[Path, Path] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish open requests and return. `tls`: certificate and key, for HTTPS.

    `port` 0 takes a free one; `on_start` is called with the port once connections are accepted. `X-Forwarded-For` and
    `X-Forwarded-Proto` count in requests from `trusted_proxies` only. Raise `ConflictError` when the port is in use.
    """
    listener = _listen(host, port)
    with listener:
        server = make_server(app, lambda: _started(listener, on_start), trusted_proxies, tls=tls)
        with _stopped_by_signals(server), asyncio.Runner(loop_factory=partial(_EventLoop, tls)) as runner:
            runner.run(server.serve(sockets=[listener]))


class _EventLoop(asyncio.SelectorEventLoop):
    """An event loop whose servers wait no longer for the handshake of a client than for the head of its request.

    A certificate that was renewed is shown from the next connection on.
    """

    def __init__(self, tls: tuple[Path, Path] | None) -> None:
        super().__init__()
        self._certificate = tls

    async def create_server(self, *arguments: object, **options: object) -> asyncio.Server:
        if options.get("ssl") is not None:
            assert isinstance(options["ssl"], ssl.SSLContext)
            options["ssl_handshake_timeout"] = Limits().head_timeout_s
            if self._certificate is not None:
                _follow(options["ssl"], *self._certificate)
        return await super().create_server(*arguments, **options)  # type: ignore[call-overload,no-any-return]


def _follow(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Have a server's connections show the certificate that is in the file when they are opened."""
    current, loaded_ns = context, certificate.stat().st_mtime_ns

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        nonlocal current, loaded_ns
        try:
            changed_ns = certificate.stat().st_mtime_ns
            if changed_ns != loaded_ns:
                renewed = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                renewed.load_cert_chain(certificate, key)
                current, loaded_ns = renewed, changed_ns
        except (OSError, ssl.SSLError) as error:  # the former one is shown
            _log.warning("The certificate %s cannot be read: %s", certificate, error)
        connection.context = current

    context.sni_callback = choose


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
    limits: Limits | None = None,
    *,
    tls: tuple[Path, Path] | None = None,
) -> uvicorn.Server:
    """Return the server of an app, with limits on connections. `tls`: certificate and key, for HTTPS."""
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
        ssl_certfile=tls[0] if tls is not None else None,
        ssl_keyfile=tls[1] if tls is not None else None,
    )
    return Server(config)


@contextmanager
def _nothing() -> "Iterator[None]":
    yield


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> "Iterator[None]":
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
