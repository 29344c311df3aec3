"""The promise of a message bus, in the semantics of MQTT that jobs rely on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a subscriber receives it."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    """True when it was stored by the broker before the subscription, False when it is live."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says when this client vanishes without goodbye (QoS 1, retained)."""

    topic: str
    payload: bytes


class Subscription(Protocol):
    """A standing request for messages."""

    def cancel(self) -> None: ...


class Bus(Protocol):
    """A connection to the broker of one client.

    Nothing here blocks on the network or raises because the broker is away: connecting goes on in the background,
    publications wait in a bounded queue (the newest per retained topic is always kept), and subscriptions are
    renewed on each reconnect. Callbacks arrive on a thread of the adapter (or a greenlet) and must be brief.
    """

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        """Send when possible. An empty retained payload clears the topic."""
        ...

    def subscribe(self, topic_filter: str, callback: Callable[[Message], None], *, qos: int = 1) -> Subscription:
        """Call back for each message that matches (MQTT wildcards `+`, `#`); retained ones first."""
        ...

    def is_connected(self) -> bool: ...

    def on_connection(self, callback: Callable[[bool], None]) -> Subscription:
        """Call back with True after each (re)connect and False after each loss; not for an orderly close."""
        ...

    def flush(self, timeout_s: float) -> bool:
        """Wait until the broker has everything that was published; False when the time is over first."""
        ...

    def close(self) -> None:
        """Say goodbye (the will is not sent). Safe to call twice."""
        ...


class BusFactory(Protocol):
    """How a unit's runtime opens connections: one per job or command."""

    def connect(self, client_name: str, *, will: Will | None = None) -> Bus: ...
