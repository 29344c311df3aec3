"""A message broker within the process, for virtual time and tests.

Messages are delivered synchronously within `publish`, in one order that all subscribers share: a message that a
callback publishes is delivered after the message that it reacts to. Callbacks must therefore be brief, as with a real
broker; the callback of a job only puts the message into its mailbox. Clients, retained messages and wills follow MQTT
3.1.1. Faults of a link (lost, late, repeated messages) come from a policy that a test sets.
"""

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from pioreactor import topics
from pioreactor.clock.ports import Clock
from pioreactor.messaging.outgoing_queue import OutgoingMessage, OutgoingQueue
from pioreactor.messaging.ports import Message, Will
from pioreactor.messaging.router import Route, Router, check_topic
from pioreactor.messaging.subscription import Cancellable

log = logging.getLogger(__name__)


class LinkFaults(Protocol):
    """A policy of faults for the messages of one link."""

    def delays_s(self, message: Message) -> Sequence[float]:
        """Return the delay [s] of each copy: `(0.0,)` is normal delivery, `()` is a loss."""
        ...


@dataclass(slots=True)
class RandomFaults:
    """Seeded faults; the probabilities are 0–1. Delays between 0 and `max_delay_s` also reorder messages."""

    seed: int
    lost: float = 0.0
    repeated: float = 0.0
    delayed: float = 0.0
    max_delay_s: float = 1.0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def delays_s(self, message: Message) -> Sequence[float]:  # noqa: ARG002 - this policy ignores the content
        if self._random.random() < self.lost:
            return ()
        copies = 2 if self._random.random() < self.repeated else 1
        return tuple(self._delay_s() for _ in range(copies))

    def _delay_s(self) -> float:
        if self._random.random() >= self.delayed:
            return 0.0
        return self._random.uniform(0.0, self.max_delay_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Subscriber:
    bus: "MemoryBus"
    callback: Callable[[Message], None]


class MemoryBroker:
    """A broker for the buses of one process. Retained messages survive `stop` and `start`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._router: Router[_Subscriber] = Router()
        self._retained: dict[str, Message] = {}
        self._buses: dict[MemoryBus, None] = {}
        self._work: deque[Callable[[], None]] = deque()
        self._delivering = False
        self._lock = threading.Lock()
        self._running = True

    def connect(self, client_name: str, *, will: Will | None = None) -> "MemoryBus":
        """Return a new client, connected if the broker runs."""
        bus = MemoryBus(self, client_name, will=will)
        self._buses[bus] = None
        if self._running:
            bus.restore_connection()
        return bus

    @property
    def retained(self) -> dict[str, bytes]:
        """Return a copy of the retained payloads by topic."""
        return {topic: message.payload for topic, message in self._retained.items()}

    def retains(self, topic: str) -> bool:
        """Return whether a message of this topic is retained."""
        return topic in self._retained

    def is_running(self) -> bool:
        """Return whether the broker accepts connections."""
        return self._running

    def stop(self) -> None:
        """Stop: all connections are lost, no will is published."""
        self._running = False
        for bus in list(self._buses):
            bus.lose_connection(send_will=False)

    def start(self) -> None:
        """Start again; all clients reconnect, in the order in which they first connected."""
        self._running = True
        for bus in list(self._buses):
            bus.restore_connection()

    # called by the buses ----------------------------------------------------------------------------------------------

    def _accept(self, outgoing: OutgoingMessage) -> None:
        """Retain and deliver a message that has reached the broker."""
        if not self._running:
            return
        topic = outgoing.topic
        if outgoing.retain:
            if outgoing.payload:
                self._retained[topic] = Message(topic, outgoing.payload, outgoing.qos, True)
            else:
                self._retained.pop(topic, None)
        subscribers = self._router.targets(topic)
        if subscribers:
            message = Message(topic, outgoing.payload, outgoing.qos, False)
            for subscriber in subscribers:
                subscriber.bus._receive(subscriber.callback, message)

    def _send_retained(self, route: Route[_Subscriber]) -> None:
        topic_filter, subscriber = route.topic_filter, route.target
        if topic_filter in self._retained:
            found = [self._retained[topic_filter]]
        else:
            found = [message for topic, message in self._retained.items() if topics.matches(topic_filter, topic)]
        for message in found:
            subscriber.bus._receive(subscriber.callback, message)

    def _schedule(self, delay_s: float, deliver: Callable[[], None]) -> None:
        def wait() -> None:
            self._clock.sleep(delay_s)
            self._run(deliver)

        self._clock.spawn(wait, name="delayed message")

    def _run(self, work: Callable[[], None]) -> None:
        """Run work after all work queued before it; the caller runs the whole queue unless another call is doing so."""
        with self._lock:
            self._work.append(work)
            if self._delivering:
                return
            self._delivering = True
        while True:
            with self._lock:
                if not self._work:
                    self._delivering = False
                    return
                work = self._work.popleft()
            try:
                work()
            except Exception:  # as with a real broker, one subscriber's mistake stays its own
                log.exception("Delivering a message failed")


class MemoryBus:
    """One client of a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker, client_name: str, *, will: Will | None = None) -> None:
        self.client_id = client_name
        self.faults: LinkFaults | None = None
        """Faults of this link, in both directions; None for none."""
        self.is_network_down = False
        """While True, `restore_connection` has no effect: the network between this client and the broker is down."""
        self._broker = broker
        self._will = will
        self._queue = OutgoingQueue()
        self._routes: dict[Route[_Subscriber], None] = {}
        self._connection_callbacks: dict[object, Callable[[bool], None]] = {}
        self._connected = False
        self._closed = False

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        """Deliver to all subscribers, or queue while the link is down. After `close` the message is dropped."""
        check_topic(topic)
        if self._closed:
            return
        body = payload.encode() if isinstance(payload, str) else bytes(payload)
        outgoing = OutgoingMessage(topic, body, min(qos, 1), retain)
        if self._connected:
            self._send(outgoing)
        else:
            self._queue.put(outgoing)

    def subscribe(self, topic_filter: str, callback: Callable[[Message], None], *, qos: int = 1) -> Cancellable:
        """Subscribe; retained messages that match are delivered to this callback at once."""
        del qos
        route = self._broker._router.add(topic_filter, _Subscriber(self, callback))
        self._routes[route] = None
        if self._connected:
            self._broker._run(partial(self._broker._send_retained, route))
        return Cancellable(lambda: self._unsubscribe(route))

    def is_connected(self) -> bool:
        return self._connected

    def on_connection(self, callback: Callable[[bool], None]) -> Cancellable:
        key = object()
        self._connection_callbacks[key] = callback
        return Cancellable(lambda: self._connection_callbacks.pop(key, None))

    def flush(self, timeout_s: float) -> bool:  # noqa: ARG002 - delivery is synchronous
        return not self._queue

    def close(self) -> None:
        self._closed = True
        self._connected = False
        self._broker._buses.pop(self, None)
        for route in list(self._routes):
            self._unsubscribe(route)

    # failures that tests cause ----------------------------------------------------------------------------------------

    def crash(self) -> None:
        """Disconnect as a crashed process does: the broker publishes the will."""
        was_connected = self._connected
        self.close()
        if was_connected:
            self._publish_will()

    def lose_connection(self, *, send_will: bool = True) -> None:
        """Break the link. With `send_will` the broker publishes the will, as after a missed keep-alive."""
        if not self._connected:
            return
        self._connected = False
        self._queue.lose_connection(())
        if send_will:
            self._publish_will()
        self._notify_connection(False)

    def restore_connection(self) -> None:
        """Reconnect: renew subscriptions, then send the queued messages. No effect while the broker is stopped."""
        if self._connected or self._closed or self.is_network_down or not self._broker.is_running():
            return
        self._connected = True
        self._queue.online = True
        for route in list(self._routes):
            self._broker._run(partial(self._broker._send_retained, route))
        self._notify_connection(True)
        while self._connected and (outgoing := self._queue.take()) is not None:
            self._send(outgoing)

    # helpers ----------------------------------------------------------------------------------------------------------

    def _send(self, outgoing: OutgoingMessage) -> None:
        broker = self._broker
        if self.faults is None:
            broker._run(lambda: broker._accept(outgoing))
            return
        message = Message(outgoing.topic, outgoing.payload, outgoing.qos, outgoing.retain)
        self._apply_faults(self.faults, message, lambda: broker._accept(outgoing))

    def _receive(self, callback: Callable[[Message], None], message: Message) -> None:
        if not self._connected:
            return
        if self.faults is None:
            self._call(callback, message)
        else:
            self._apply_faults(self.faults, message, lambda: self._call(callback, message))

    def _apply_faults(self, faults: LinkFaults, message: Message, deliver: Callable[[], None]) -> None:
        for delay_s in faults.delays_s(message):
            if delay_s > 0:
                self._broker._schedule(delay_s, deliver)
            else:
                self._broker._run(deliver)

    def _call(self, callback: Callable[[Message], None], message: Message) -> None:
        if not self._connected:
            return
        try:
            callback(message)
        except Exception:  # one subscriber's mistake must not keep the message from the others
            log.exception("a subscriber for %s failed", message.topic)

    def _unsubscribe(self, route: Route[_Subscriber]) -> None:
        self._routes.pop(route, None)
        self._broker._router.remove(route)

    def _publish_will(self) -> None:
        will = self._will
        if will is not None:
            self._broker._run(lambda: self._broker._accept(OutgoingMessage(will.topic, will.payload, 1, True)))

    def _notify_connection(self, connected: bool) -> None:
        for callback in list(self._connection_callbacks.values()):
            try:
                callback(connected)
            except Exception:  # the link must survive any subscriber's mistake
                log.exception("a subscriber for the connection failed")
