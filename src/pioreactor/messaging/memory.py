"""A broker inside the process, for virtual time and tests.

Messages are delivered at once, inside `publish`, in one order that all subscribers share: what a callback publishes is
delivered after the message it answers. Callbacks must therefore be brief, as with a real broker; a job's callback
only puts the message into its mailbox. Clients, retained messages and wills behave as with MQTT 3.1.1; faults of a
link (lost, late, repeated messages) come from a policy that a test sets.
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
    """What happens to the messages of one link."""

    def fate(self, message: Message) -> Sequence[float]:
        """Return after how many seconds each copy arrives: `(0.0,)` is normal, `()` is lost."""
        ...


@dataclass(slots=True)
class RandomFaults:
    """Seeded faults; the probabilities are 0–1. Delays between 0 and `longest_delay_s` also reorder messages."""

    seed: int
    lost: float = 0.0
    repeated: float = 0.0
    delayed: float = 0.0
    longest_delay_s: float = 1.0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def fate(self, message: Message) -> Sequence[float]:  # noqa: ARG002 - faults of this policy are blind to content
        if self._random.random() < self.lost:
            return ()
        copies = 2 if self._random.random() < self.repeated else 1
        return tuple(self._delay_s() for _ in range(copies))

    def _delay_s(self) -> float:
        if self._random.random() >= self.delayed:
            return 0.0
        return self._random.uniform(0.0, self.longest_delay_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    bus: "MemoryBus"
    callback: Callable[[Message], None]


class MemoryBroker:
    """Connects the buses of one process. It can be stopped and started; retained messages survive that."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._router: Router[_Listener] = Router()
        self._retained: dict[str, Message] = {}
        self._buses: dict[MemoryBus, None] = {}
        self._work: deque[Callable[[], None]] = deque()
        self._delivering = False
        self._lock = threading.Lock()
        self._running = True

    def connect(self, client_name: str, *, will: Will | None = None) -> "MemoryBus":
        bus = MemoryBus(self, client_name, will=will)
        self._buses[bus] = None
        if self._running:
            bus.restore_connection()
        return bus

    @property
    def retained(self) -> dict[str, bytes]:
        """A copy of what is retained."""
        return {topic: message.payload for topic, message in self._retained.items()}

    def is_running(self) -> bool:
        return self._running

    def stop(self) -> None:
        """Go away: all connections are lost, no will is sent."""
        self._running = False
        for bus in list(self._buses):
            bus.lose_connection(announce=False)

    def start(self) -> None:
        """Come back; all clients reconnect, in the order in which they first connected."""
        self._running = True
        for bus in list(self._buses):
            bus.restore_connection()

    # for the buses ----------------------------------------------------------------------------------------------------

    def _accept(self, outgoing: OutgoingMessage) -> None:
        """Store and deliver what has reached the broker."""
        if not self._running:
            return
        topic = outgoing.topic
        if outgoing.retain:
            if outgoing.payload:
                self._retained[topic] = Message(topic, outgoing.payload, outgoing.qos, True)
            else:
                self._retained.pop(topic, None)
        listeners = self._router.targets(topic)
        if listeners:
            message = Message(topic, outgoing.payload, outgoing.qos, False)
            for listener in listeners:
                listener.bus._receive(listener.callback, message)

    def _repeat_retained(self, route: Route[_Listener]) -> None:
        wanted, listener = route.topic_filter, route.target
        if wanted in self._retained:
            found = [self._retained[wanted]]
        else:
            found = [message for topic, message in self._retained.items() if topics.matches(wanted, topic)]
        for message in found:
            listener.bus._receive(listener.callback, message)

    def _later(self, delay_s: float, deliver: Callable[[], None]) -> None:
        def wait() -> None:
            self._clock.sleep(delay_s)
            self._do(deliver)

        self._clock.spawn(wait, name="message on its way")

    def _do(self, work: Callable[[], None]) -> None:
        """Do it, after what is being delivered; whoever finds nobody delivering does all there is to do."""
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
            except Exception:  # as with a real broker, one listener's mistake stays its own
                log.exception("delivering a message failed")


class MemoryBus:
    """One client of a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker, client_name: str, *, will: Will | None = None) -> None:
        self.client_id = client_name
        self.faults: LinkFaults | None = None
        """What happens to messages of this link, in both directions; None for nothing."""
        self.is_cut = False
        """While True, the link cannot be mended: the network between this client and the broker is down."""
        self._broker = broker
        self._will = will
        self._queue = OutgoingQueue()
        self._routes: dict[Route[_Listener], None] = {}
        self._watchers: dict[object, Callable[[bool], None]] = {}
        self._connected = False
        self._closed = False

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        """Deliver to all who listen, or keep it while the link is down. After `close` it is dropped."""
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
        """Listen; retained messages that match are delivered to this callback at once."""
        del qos
        route = self._broker._router.add(topic_filter, _Listener(self, callback))
        self._routes[route] = None
        if self._connected:
            self._broker._do(partial(self._broker._repeat_retained, route))
        return Cancellable(lambda: self._unsubscribe(route))

    def is_connected(self) -> bool:
        return self._connected

    def on_connection(self, callback: Callable[[bool], None]) -> Cancellable:
        key = object()
        self._watchers[key] = callback
        return Cancellable(lambda: self._watchers.pop(key, None))

    def flush(self, timeout_s: float) -> bool:  # noqa: ARG002 - everything that can be sent has been
        return not self._queue

    def close(self) -> None:
        self._closed = True
        self._connected = False
        self._broker._buses.pop(self, None)
        for route in list(self._routes):
            self._unsubscribe(route)

    # what a test does to a link ---------------------------------------------------------------------------------------

    def drop(self) -> None:
        """Vanish as a crashed process does: the broker sends the will."""
        was_connected = self._connected
        self.close()
        if was_connected:
            self._announce_will()

    def lose_connection(self, *, announce: bool = True) -> None:
        """Cut the link. With `announce` the broker notices and sends the will, as after a missed keep-alive."""
        if not self._connected:
            return
        self._connected = False
        self._queue.lose_connection(())
        if announce:
            self._announce_will()
        self._tell_watchers(False)

    def restore_connection(self) -> None:
        """Mend the link: subscriptions are renewed, then what waited is sent. Without a broker nothing happens."""
        if self._connected or self._closed or self.is_cut or not self._broker.is_running():
            return
        self._connected = True
        self._queue.online = True
        for route in list(self._routes):
            self._broker._do(partial(self._broker._repeat_retained, route))
        self._tell_watchers(True)
        while self._connected and (outgoing := self._queue.take()) is not None:
            self._send(outgoing)

    # inside -----------------------------------------------------------------------------------------------------------

    def _send(self, outgoing: OutgoingMessage) -> None:
        broker = self._broker
        if self.faults is None:
            broker._do(lambda: broker._accept(outgoing))
            return
        message = Message(outgoing.topic, outgoing.payload, outgoing.qos, outgoing.retain)
        self._through_faults(self.faults, message, lambda: broker._accept(outgoing))

    def _receive(self, callback: Callable[[Message], None], message: Message) -> None:
        if not self._connected:
            return
        if self.faults is None:
            self._call(callback, message)
        else:
            self._through_faults(self.faults, message, lambda: self._call(callback, message))

    def _through_faults(self, faults: LinkFaults, message: Message, deliver: Callable[[], None]) -> None:
        for delay_s in faults.fate(message):
            if delay_s > 0:
                self._broker._later(delay_s, deliver)
            else:
                self._broker._do(deliver)

    def _call(self, callback: Callable[[Message], None], message: Message) -> None:
        if not self._connected:
            return
        try:
            callback(message)
        except Exception:  # one listener's mistake must not keep the message from the others
            log.exception("a listener for %s failed", message.topic)

    def _unsubscribe(self, route: Route[_Listener]) -> None:
        self._routes.pop(route, None)
        self._broker._router.remove(route)

    def _announce_will(self) -> None:
        will = self._will
        if will is not None:
            self._broker._do(lambda: self._broker._accept(OutgoingMessage(will.topic, will.payload, 1, True)))

    def _tell_watchers(self, connected: bool) -> None:
        for watcher in list(self._watchers.values()):
            try:
                watcher(connected)
            except Exception:  # the link must survive any listener's mistake
                log.exception("a listener for the connection failed")
