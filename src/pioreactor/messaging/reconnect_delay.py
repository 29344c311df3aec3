"""How long a bus waits before each attempt to connect, and for the network otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionTiming:
    """Timeouts and delays of a bus."""

    min_retry_s: float = 0.25
    max_retry_s: float = 8.0
    """Between two attempts on a broker that closes the connection."""
    stable_after_s: float = 1.0
    """A connection that lasted this long was not refused: the next attempt follows soon, as after a broker restart."""
    max_unreachable_retry_s: float = 1.0
    """From one attempt to the next while the broker is unreachable, so that a restored network is used soon."""
    unacknowledged_timeout_s: float = 5.0
    """The connection is broken when TCP data stays unacknowledged this long. By default the kernel retransmits after
    pauses that double, and would continue to wait after the network is restored."""
    keepalive_s: int = 20
    close_timeout_s: float = 2.0
    """How long `close` waits for publications in flight."""


@dataclass(slots=True)
class ReconnectDelay:
    """Exponential backoff between attempts to connect."""

    timing: ConnectionTiming
    _next_s: float = 0.0

    def after(self, lasted_s: float, *, answered: bool) -> float:
        """Return the delay [s] after a connection that lasted so long, or after an attempt that was not answered."""
        max_s = self.timing.max_retry_s
        if (answered and lasted_s >= self.timing.stable_after_s) or self._next_s == 0.0:
            self._next_s = self.timing.min_retry_s
        if not answered:
            max_s = min(max_s, self.timing.max_unreachable_retry_s)
        delay_s = min(self._next_s, max_s)
        self._next_s = min(delay_s * 2, max_s)
        if not answered:
            delay_s = max(self.timing.min_retry_s, delay_s - lasted_s)
        return delay_s
