"""The interface of a message bus, with the semantics of MQTT that jobs rely on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """The address of a broker and the account to connect with."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a subscriber receives it."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    """True if the broker had retained it before the subscription, False if it is live."""


@dataclass(frozen=True, slots=True)
class Will:
    """The message that the broker publishes when this client disconnects ungracefully (QoS 1, retained)."""

    topic: str
    payload: bytes


class Subscription(Protocol):
    """A handle of a subscription."""

    def cancel(self) -> None:
        """End the subscription. Idempotent."""
        ...


class Bus(Protocol):
    """The connection of one client to the broker.

    No method blocks on the network or raises because the broker is unreachable: the bus connects in the background,
    queues publications within bounds (the newest per retained topic is always kept), and renews subscriptions on each
    reconnect. Callbacks run on a thread of the adapter (or a greenlet) and must be brief.
    """

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        """Publish a message, once connected. An empty retained payload clears the topic."""
        ...

    def subscribe(self, topic_filter: str, callback: Callable[[Message], None], *, qos: int = 1) -> Subscription:
        """Call back for each message that matches (MQTT wildcards `+`, `#`); retained ones first."""
        ...

    def is_connected(self) -> bool:
        """Return whether the broker has accepted the connection."""
        ...

    def on_connection(self, callback: Callable[[bool], None]) -> Subscription:
        """Call back with True after each (re)connect and False after each loss; not after `close`."""
        ...

    def flush(self, timeout_s: float) -> bool:
        """Wait until the broker has acknowledged all publications; return False on timeout."""
        ...

    def close(self) -> None:
        """Disconnect gracefully, so that the will is not published. Idempotent."""
        ...


class BusFactory(Protocol):
    """A factory of connections: one per job or command."""

    def connect(self, client_name: str, *, will: Will | None = None) -> Bus:
        """Return a new connection at once; it is made in the background."""
        ...
