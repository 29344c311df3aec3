"""The watchdog protocol of systemd (`sd_notify`): a service reports that it is alive, its supervisor listens."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ALIVE = b"READY=1\nWATCHDOG=1"
TIMEOUT_S = 1.5
"""The output guard reports four times a second."""
START_TIMEOUT_S = 15.0


def watchdog_sender(environment: Mapping[str, str]) -> Callable[[], None]:
    """Return a function that reports "alive" to `NOTIFY_SOCKET`; it does nothing where that is not set.

    The function neither blocks nor raises.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return lambda: None
    # systemd writes an address in the kernel's abstract namespace with an @.
    path = "\0" + address[1:] if address.startswith("@") else address

    def send() -> None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(ALIVE, path)

    return send


class WatchdogListener:
    """A datagram socket (`NOTIFY_SOCKET`) on which one service reports that it is alive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._reported_at: float | None = None
        self._polled_at = self._started_at = time.monotonic()

    def reset(self) -> None:
        """Begin anew: the service is being started."""
        self.is_overdue()
        self._reported_at = None
        self._polled_at = self._started_at = time.monotonic()

    def is_overdue(self) -> bool:
        """Return whether the last report is too old, not counting time in which this was not called."""
        now = time.monotonic()
        since_poll_s, self._polled_at = now - self._polled_at, now
        has_reported = False
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(64):
                has_reported = True
        if has_reported or since_poll_s > TIMEOUT_S:
            # The supervisor itself may have been suspended: the timeout then counts from its next poll.
            self._reported_at = now if has_reported or self._reported_at is not None else None
        if self._reported_at is None:
            return now - self._started_at > START_TIMEOUT_S
        return now - self._reported_at > TIMEOUT_S

    def close(self) -> None:
        """Close and remove the socket."""
        self._socket.close()
        self.path.unlink(missing_ok=True)
