"""The bounded queue of messages that wait to be published."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to publish."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(slots=True)
class OutgoingQueue:
    """A FIFO queue of messages.

    While `online`, every message is kept, up to the bounds. Otherwise only the newest value of each retained topic is
    kept, because that is all a later subscriber would receive; of the other messages the oldest are dropped.
    Not thread-safe: its owner holds a lock.
    """

    max_events: int = 1000
    """The most messages that are not retained."""
    max_event_bytes: int = 8 * 1024 * 1024
    online: bool = False
    dropped: int = 0
    """Messages dropped so far; retained ones are never dropped."""
    _waiting: dict[int, OutgoingMessage] = field(default_factory=dict)
    _newest: dict[str, int] = field(default_factory=dict)
    _events: dict[int, None] = field(default_factory=dict)
    _event_bytes: int = 0
    _next: int = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, outgoing: OutgoingMessage) -> None:
        """Append a message; drop what exceeds the bounds."""
        if outgoing.retain:
            if not self.online or len(self._waiting) > self.max_events:
                self._remove(self._newest.get(outgoing.topic))
            self._newest[outgoing.topic] = self._next
        else:
            self._events[self._next] = None
            self._event_bytes += len(outgoing.payload)
        self._waiting[self._next] = outgoing
        self._next += 1
        while len(self._events) > self.max_events or (
            self._event_bytes > self.max_event_bytes and len(self._events) > 1
        ):
            self._remove(next(iter(self._events)))
            self.dropped += 1

    def waiting(self) -> Iterable[OutgoingMessage]:
        """Return the queued messages, oldest first."""
        return self._waiting.values()

    def take(self) -> OutgoingMessage | None:
        """Remove and return the oldest message; None if the queue is empty."""
        position = next(iter(self._waiting), None)
        return self._remove(position)

    def lose_connection(self, unacknowledged: Iterable[OutgoingMessage]) -> None:
        """Go offline: put unacknowledged messages in front, and keep only the newest of each retained topic."""
        messages = [*unacknowledged, *self._waiting.values()]
        self.online = False
        self._waiting.clear()
        self._newest.clear()
        self._events.clear()
        self._event_bytes = 0
        for outgoing in messages:
            self.put(outgoing)

    def _remove(self, position: int | None) -> OutgoingMessage | None:
        outgoing = self._waiting.pop(position, None) if position is not None else None
        if position is None or outgoing is None:
            return None
        if outgoing.retain:
            if self._newest.get(outgoing.topic) == position:
                del self._newest[outgoing.topic]
        else:
            del self._events[position]
            self._event_bytes -= len(outgoing.payload)
        return outgoing
