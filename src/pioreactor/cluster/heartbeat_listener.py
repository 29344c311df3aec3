"""Hears whether a service still lives, as systemd does: one that has fallen silent is frozen."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

PATIENCE_S = 1.5
"""The supervisor says that it lives four times a second."""
STARTING_S = 15.0


class HeartbeatListener:
    """A datagram socket (`NOTIFY_SOCKET`) on which one service says that it lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._heard_at: float | None = None
        self._asked_at = self._began_at = time.monotonic()

    def begin(self) -> None:
        """The service is started anew."""
        self.is_silent()
        self._heard_at = None
        self._asked_at = self._began_at = time.monotonic()

    def is_silent(self) -> bool:
        """Say whether the service said nothing for too long, while somebody listened."""
        now = time.monotonic()
        listened_s, self._asked_at = now - self._asked_at, now
        heard = False
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(64):
                heard = True
        if heard or listened_s > PATIENCE_S:
            # Who looks after services may itself have been held up: silence counts from its next look.
            self._heard_at = now if heard or self._heard_at is not None else None
        if self._heard_at is None:
            return now - self._began_at > STARTING_S
        return now - self._heard_at > PATIENCE_S

    def close(self) -> None:
        self._socket.close()
        self.path.unlink(missing_ok=True)
