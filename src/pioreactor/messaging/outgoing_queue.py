"""The bounded queue of what waits to be published."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A publication on its way to the broker."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(slots=True)
class OutgoingQueue:
    """Keeps publications in order.

    While `online`, every publication is kept as it came, up to the bounds. Otherwise only the newest value of each
    retained topic is kept, because that is all a later subscriber would see; of the others the oldest give way.
    Not safe to use from several threads; its owner has a lock.
    """

    max_events: int = 1000
    """How many publications that are not retained may wait."""
    max_event_bytes: int = 8 * 1024 * 1024
    online: bool = False
    dropped: int = 0
    """Publications that are not retained and had to give way, ever."""
    _waiting: dict[int, OutgoingMessage] = field(default_factory=dict)
    _newest: dict[str, int] = field(default_factory=dict)
    _events: dict[int, None] = field(default_factory=dict)
    _event_bytes: int = 0
    _next: int = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, outgoing: OutgoingMessage) -> None:
        if outgoing.retain:
            if not self.online or len(self._waiting) > self.max_events:
                self._forget(self._newest.get(outgoing.topic))
            self._newest[outgoing.topic] = self._next
        else:
            self._events[self._next] = None
            self._event_bytes += len(outgoing.payload)
        self._waiting[self._next] = outgoing
        self._next += 1
        while len(self._events) > self.max_events or (
            self._event_bytes > self.max_event_bytes and len(self._events) > 1
        ):
            self._forget(next(iter(self._events)))
            self.dropped += 1

    def waiting(self) -> Iterable[OutgoingMessage]:
        """Return what waits, oldest first."""
        return self._waiting.values()

    def take(self) -> OutgoingMessage | None:
        """Return the oldest publication and forget it; None when nothing waits."""
        number = next(iter(self._waiting), None)
        return self._forget(number)

    def lose_connection(self, unacknowledged: Iterable[OutgoingMessage]) -> None:
        """Put back, in front, what the broker has not acknowledged, and keep only what is worth sending later."""
        everything = [*unacknowledged, *self._waiting.values()]
        self.online = False
        self._waiting.clear()
        self._newest.clear()
        self._events.clear()
        self._event_bytes = 0
        for outgoing in everything:
            self.put(outgoing)

    def _forget(self, number: int | None) -> OutgoingMessage | None:
        outgoing = self._waiting.pop(number, None) if number is not None else None
        if number is None or outgoing is None:
            return None
        if outgoing.retain:
            if self._newest.get(outgoing.topic) == number:
                del self._newest[outgoing.topic]
        else:
            del self._events[number]
            self._event_bytes -= len(outgoing.payload)
        return outgoing
