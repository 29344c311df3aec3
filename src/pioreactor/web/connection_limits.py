"""Limits on TCP connections, which uvicorn does not have: time for a request to arrive, and connections per address.

A connection that waits for its client costs the client nothing, so it must not keep others out: it is closed after a
time, and earlier when its place is needed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one server; times in s."""

    head_timeout_s: float = 10.0
    """From the opening of a connection, or the first byte of a later request, until the end of its headers."""
    body_timeout_s: float = 60.0
    """From the end of the headers until the end of the body."""
    write_timeout_s: float = 60.0
    """For a client that does not read its response."""
    max_connections: int = 200
    max_per_address: int = 100
    proxies: Collection[str] = ()
    """Addresses of trusted proxies, which have no limit of their own."""


@dataclass
class OpenConnections:
    """The HTTP connections of a server, oldest first. WebSockets have a limit of their own."""

    limits: Limits
    _open: dict[LimitedProtocol, None] = field(default_factory=dict)

    def admit(self, connection: LimitedProtocol) -> bool:
        """Add a connection; close one that waits for its client if its place is needed; return False if none is."""
        address = connection.address
        of_address = [other for other in self._open if other.address == address]
        if address not in self.limits.proxies and len(of_address) >= self.limits.max_per_address:
            if not _close_waiting(of_address):
                return False
        elif len(self._open) >= self.limits.max_connections:
            waiting = Counter(other.address for other in self._open if other.waits_for_client)
            most = waiting.most_common(1)
            if not most or not _close_waiting([other for other in self._open if other.address == most[0][0]]):
                return False
        self._open[connection] = None
        return True

    def remove(self, connection: LimitedProtocol) -> None:
        """Remove a connection if it was admitted."""
        self._open.pop(connection, None)


def _close_waiting(connections: list[LimitedProtocol]) -> bool:
    """Close the first connection that waits for its client; return False if there is none."""
    for connection in connections:
        if connection.waits_for_client:
            connection.abort()
            return True
    return False


class LimitedProtocol(H11Protocol):
    """An HTTP/1.1 connection that is closed when its client takes too long."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
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

    @property
    def address(self) -> str:
        """Return the address of the client."""
        return self.client[0] if self.client is not None else ""

    @property
    def waits_for_client(self) -> bool:
        """Return whether the next step is the client's: a request, the rest of one, or reading the response."""
        return self._is_idle or self.cycle.more_body or self.flow.write_paused

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def abort(self) -> None:
        """Close the connection without waiting for the client."""
        self._others.remove(self)
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._others.admit(self):
            self._restart_receive_timer(self._limits.head_timeout_s)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._check_progress()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._check_progress()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._forget()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self._limits.write_timeout_s, self.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_write_timer()

    def _check_progress(self) -> None:
        """Run the timer of what is awaited from the client; data that do not complete it do not restart it."""
        if self.transport.get_protocol() is not self:
            return
        if self._is_idle:
            if self._is_receiving_body or self.timeout_keep_alive_task is not None:
                self._cancel_receive_timer()
            if self.timeout_keep_alive_task is None and self._receive_timer is None:
                self._restart_receive_timer(self._limits.head_timeout_s)
        elif not self.cycle.more_body:
            self._cancel_receive_timer()
        elif not self._is_receiving_body:
            self._restart_receive_timer(self._limits.body_timeout_s)
            self._is_receiving_body = True

    def _forget(self) -> None:
        self._others.remove(self)
        self._cancel_receive_timer()
        self._cancel_write_timer()

    def _restart_receive_timer(self, timeout_s: float) -> None:
        self._cancel_receive_timer()
        self._receive_timer = self.loop.call_later(timeout_s, self.abort)

    def _cancel_receive_timer(self) -> None:
        self._is_receiving_body = False
        if self._receive_timer is not None:
            self._receive_timer.cancel()
            self._receive_timer = None

    def _cancel_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
