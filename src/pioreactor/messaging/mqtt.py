"""A `Bus` over one MQTT 3.1.1 connection, kept up by one thread of its own.

The paho client is a codec and a socket here: each connection gets a fresh one, and only the network thread touches it.
What waits, what is unacknowledged and what is subscribed is kept by the bus, so that after a loss an old retained value
is never sent after a newer one. QoS 2 is sent as QoS 1; `docs/explanations/decisions` says why.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pioreactor.messaging.lazy_paho import load_client
from pioreactor.messaging.outgoing_queue import OutgoingMessage, OutgoingQueue
from pioreactor.messaging.ports import Message, Will
from pioreactor.messaging.router import Route, Router, check_topic
from pioreactor.messaging.subscription import Cancellable

if TYPE_CHECKING:
    from paho.mqtt.client import Client

log = logging.getLogger(__name__)

T = TypeVar("T")

_UNACKNOWLEDGED = 100
"""Publications sent ahead of their acknowledgements."""
_FILTERS_PER_REQUEST = 50
_CONNECT_TIMEOUT_S = 2.0
"""Of TCP alone. The system asks after 0 s and 1 s, and would ask next after 3 s."""
_IDLE_S = 1.0
"""The longest wait of the network thread: paho looks at the keep-alive this often."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is, and as whom to speak to it."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a bus waits for what."""

    first_retry_s: float = 0.25
    longest_retry_s: float = 8.0
    """Between two attempts on a broker that hangs up."""
    settled_s: float = 1.0
    """A connection that lived so long was not refused: the next is made at once, as after a restart of the broker."""
    longest_silence_s: float = 1.0
    """From one attempt to the next while nobody answers: a network that is whole again shall not be waited for."""
    unconfirmed_s: float = 5.0
    """A connection is broken when the other machine has not confirmed for so long what was sent. Until then the system
    repeats it after pauses that double, and would go on to do so after the network is whole again."""
    keepalive_s: int = 20
    close_s: float = 2.0
    """How long `close` waits for publications that are on their way."""


@dataclass(slots=True)
class Pauses:
    """How long to wait before each attempt to connect."""

    patience: Patience
    _next_s: float = 0.0

    def after(self, lived_s: float, *, answered: bool) -> float:
        """Return the pause [s] after a connection that lived for so long, or after an attempt that nobody answered."""
        longest_s = self.patience.longest_retry_s
        if (answered and lived_s >= self.patience.settled_s) or self._next_s == 0.0:
            self._next_s = self.patience.first_retry_s
        if not answered:
            longest_s = min(longest_s, self.patience.longest_silence_s)
        pause_s = min(self._next_s, longest_s)
        self._next_s = min(pause_s * 2, longest_s)
        if not answered:
            pause_s = max(self.patience.first_retry_s, pause_s - lived_s)
        return pause_s


@dataclass(frozen=True, slots=True)
class MqttBusFactory:
    """Opens connections of one unit to one broker."""

    address: BrokerAddress
    unit: str
    patience: Patience = Patience()

    def connect(self, client_name: str, *, will: Will | None = None) -> MqttBus:
        """Return at once; the connection is made in the background, however long that takes."""
        name = client_name.removesuffix(f"-{self.unit}")
        client_id = f"{name}-{self.unit}-{os.urandom(3).hex()}"
        return MqttBus(self.address, client_id, will=will, patience=self.patience)


class MqttBus:
    """A connection that is always being kept up until it is closed."""

    def __init__(
        self, address: BrokerAddress, client_id: str, *, will: Will | None = None, patience: Patience | None = None
    ) -> None:
        self.client_id = client_id
        self._address = address
        self._will = will
        self._patience = patience if patience is not None else Patience()
        self._router: Router[Callable[[Message], None]] = Router()
        self._watchers: dict[object, Callable[[bool], None]] = {}
        self._unconfirmed_watchers: dict[object, Callable[[Sequence[tuple[str, bytes]]], None]] = {}
        self._changed = threading.Condition()
        self._queue = OutgoingQueue()
        self._requests: deque[tuple[bool, str]] = deque()
        self._unacknowledged: dict[int, OutgoingMessage] = {}
        self._unanswered: set[int] = set()
        self._busy = False
        self._connected = False
        self._attempted = False
        self._abandoned = False
        self._trouble: str | None = None
        self._closing = threading.Event()
        self._close_by = 0.0
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._woken = False
        self._thread = threading.Thread(target=self._run, name=f"mqtt {client_id}", daemon=True)
        self._thread.start()

    # what callers use ------------------------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        """Queue a message; QoS 2 counts as 1. After `close` it is dropped. Raise InvalidRequestError for bad topics."""
        check_topic(topic)
        body = payload.encode() if isinstance(payload, str) else bytes(payload)
        with self._changed:
            if self._closing.is_set():
                log.debug("%s is closed; a message on %s is dropped", self.client_id, topic)
                return
            self._queue.put(OutgoingMessage(topic, body, min(qos, 1), retain))
            self._wake()

    def subscribe(self, topic_filter: str, callback: Callable[[Message], None], *, qos: int = 1) -> Cancellable:
        """Listen. Each new subscription makes the broker repeat the retained messages that match its filter.

        Those repeats reach every callback of this bus that matches. Raise InvalidRequestError for malformed filters.
        """
        del qos  # asking for 1 always is right: the broker sends each message with the lower of the two qualities
        route = self._router.add(topic_filter, callback)
        self._request(True, topic_filter)
        return Cancellable(lambda: self._unsubscribe(route))

    def is_connected(self) -> bool:
        return self._connected

    def on_connection(self, callback: Callable[[bool], None]) -> Cancellable:
        key = object()
        self._watchers[key] = callback
        return Cancellable(lambda: self._watchers.pop(key, None))

    def on_unconfirmed(self, callback: Callable[[Sequence[tuple[str, bytes]]], None]) -> Cancellable:
        """Call back after each loss with the (topic, payload) that may not have reached the broker, oldest first."""
        key = object()
        self._unconfirmed_watchers[key] = callback
        return Cancellable(lambda: self._unconfirmed_watchers.pop(key, None))

    def flush(self, timeout_s: float) -> bool:
        """Wait until the broker has confirmed all publications and subscriptions."""
        with self._changed:
            if threading.current_thread() is self._thread:
                return self._drained()
            return self._changed.wait_for(self._drained, timeout_s)

    def close(self) -> None:
        """Say goodbye, after at most `close_s` for what is on its way. The will is not sent."""
        with self._changed:
            if not self._closing.is_set():
                self._close_by = time.monotonic() + self._patience.close_s
                self._closing.set()
                self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(self._patience.close_s + 1.0)

    def abandon(self) -> None:
        """End without goodbye, as a crash does: the broker sends the will."""
        self._abandoned = True
        self.close()

    @property
    def dropped(self) -> int:
        """How many messages that are not retained had to give way in a full queue."""
        return self._queue.dropped

    @property
    def trouble(self) -> str | None:
        """Why there is no connection, in words; None while connected or not yet tried."""
        return self._trouble

    # shared between callers and the network thread --------------------------------------------------------------------

    def _request(self, wanted: bool, topic_filter: str) -> None:
        with self._changed:
            self._requests.append((wanted, topic_filter))
            self._wake()

    def _unsubscribe(self, route: Route[Callable[[Message], None]]) -> None:
        if self._router.remove(route) and not self._router.has_filter(route.topic_filter):
            self._request(False, route.topic_filter)

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            with contextlib.suppress(OSError):  # the thread has ended, or a wake-up already waits
                self._wake_writer.send(b"\0")

    def _drained(self) -> bool:
        waiting = self._queue or self._requests or self._unacknowledged or self._unanswered
        return not waiting and not self._busy

    # the network thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pauses = Pauses(self._patience)
        try:
            while not self._closing.is_set() or (self._queue and not self._attempted):
                began, answered = time.monotonic(), True
                try:
                    answered = self._live_once()
                except Exception:  # whatever the broker sent, the next connection may work
                    log.exception("%s lost its connection", self.client_id)
                self._attempted = True
                self._closing.wait(_spread(pauses.after(time.monotonic() - began, answered=answered)))
        finally:
            with self._changed:
                self._wake_reader.close()
                self._wake_writer.close()
                if self._queue and not self._abandoned:
                    log.warning("%s closes with %d messages unsent", self.client_id, len(self._queue))

    def _live_once(self) -> bool:
        """Live through one connection, from the attempt to its loss or close; say whether anybody answered."""
        client = self._new_client()
        try:
            client.connect(self._host, self._address.port, self._patience.keepalive_s)
        except (OSError, ValueError) as error:
            self._note_trouble(f"{self._address.host}:{self._address.port} does not answer: {error}")
            return False
        try:
            while client.socket() is not None and not self._wants_to_leave():
                self._feed(client)
                self._wait(client)
                if client.loop(0) != 0:
                    break
                self._settle(client)
            if self._abandoned:
                _cut(client)
            elif self._closing.is_set():
                _say_goodbye(client)
        finally:
            self._after_loss()
        return True

    @property
    def _host(self) -> str:
        """Return the broker's name, as bytes where nothing needs it as text: then no codec of names is loaded."""
        host = self._address.host
        return host if self._address.tls or not host.isascii() else host.encode()  # type: ignore[return-value]

    def _new_client(self) -> Client:
        paho = load_client()
        client: Client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=self.client_id, protocol=paho.MQTTv311, clean_session=True
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(_UNACKNOWLEDGED + 1)
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls:
            import ssl

            client.tls_set_context(ssl.create_default_context(cafile=self._address.ca_file))
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        client.on_socket_open = self._prepare_socket
        client.on_connect = self._on_connect
        client.on_publish = self._on_acknowledged
        client.on_subscribe = self._on_answered
        client.on_unsubscribe = self._on_answered
        client.on_message = self._on_message
        return client

    def _prepare_socket(self, _client: Client, _data: Any, sock: Any) -> None:
        """Send small packets at once: Nagle's algorithm would hold the second one until the first is acknowledged."""
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                patience_ms = round(1000 * self._patience.unconfirmed_s)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience_ms)

    def _wants_to_leave(self) -> bool:
        if not self._closing.is_set():
            return False
        return self._abandoned or self._drained_of_messages() or time.monotonic() >= self._close_by

    def _drained_of_messages(self) -> bool:
        with self._changed:
            return not self._queue and not self._unacknowledged and not self._busy

    def _wait(self, client: Client) -> None:
        sock = client.socket()
        if sock is None or _has_buffered(sock):
            return
        timeout_s = 0.05 if self._closing.is_set() else _IDLE_S
        writers = [sock] if client.want_write() else []
        readable, _, _ = select.select([sock, self._wake_reader], writers, [], timeout_s)
        if self._wake_reader in readable:
            with self._changed:
                self._woken = False
                with contextlib.suppress(BlockingIOError):
                    self._wake_reader.recv(64)

    def _feed(self, client: Client) -> None:
        """Hand to paho what waits, subscriptions first, as far as the broker keeps up."""
        if not self._connected:
            return
        with self._changed:
            requests = list(self._requests)
            self._requests.clear()
            for wanted, topic_filter in requests:
                self._ask(client, wanted, [topic_filter])
        while len(self._unacknowledged) < _UNACKNOWLEDGED and not client.want_write():
            with self._changed:
                outgoing = self._queue.take()
                self._busy = outgoing is not None
            if outgoing is None:
                return
            info = client.publish(outgoing.topic, outgoing.payload, outgoing.qos, outgoing.retain)
            with self._changed:
                if outgoing.qos or info.rc != 0:
                    self._unacknowledged[info.mid] = outgoing
                self._busy = client.want_write()

    def _ask(self, client: Client, wanted: bool, filters: list[str]) -> None:
        if wanted:
            _, number = client.subscribe([(topic_filter, 1) for topic_filter in filters])
        else:
            _, number = client.unsubscribe(filters)
        if number is not None:
            self._unanswered.add(number)

    def _settle(self, client: Client) -> None:
        with self._changed:
            self._busy = client.want_write()
            if self._drained():
                self._changed.notify_all()

    def _after_loss(self) -> None:
        with self._changed:
            was_connected, self._connected = self._connected, False
            unconfirmed = [(one.topic, one.payload) for one in (*self._unacknowledged.values(), *self._queue.waiting())]
            self._queue.lose_connection(self._unacknowledged.values())
            self._unacknowledged.clear()
            self._unanswered.clear()
            self._requests = deque((True, topic_filter) for topic_filter in self._router.filters())
            self._busy = False
            self._changed.notify_all()
        if was_connected and not self._closing.is_set():
            self._note_trouble("the connection was lost")
            _tell(self._unconfirmed_watchers.values(), unconfirmed)
            _tell(self._watchers.values(), False)

    def _note_trouble(self, words: str) -> None:
        if words != self._trouble:
            log.warning("%s: %s; trying again until it works", self.client_id, words)
        self._trouble = words

    # called by paho, on the network thread ----------------------------------------------------------------------------

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._note_trouble(f"the broker refused: {reason}")
            return
        with self._changed:
            filters = self._router.filters()
            self._requests.clear()
            for start in range(0, len(filters), _FILTERS_PER_REQUEST):
                self._ask(client, True, filters[start : start + _FILTERS_PER_REQUEST])
            self._queue.online = True
            self._connected = True
            self._trouble = None
        log.debug("%s is connected", self.client_id)
        _tell(self._watchers.values(), True)

    def _on_acknowledged(self, _client: Client, _data: Any, number: int, _reason: Any, _properties: Any) -> None:
        with self._changed:
            self._unacknowledged.pop(number, None)

    def _on_answered(self, _client: Client, _data: Any, number: int, _reasons: Any, _properties: Any) -> None:
        with self._changed:
            self._unanswered.discard(number)

    def _on_message(self, _client: Client, _data: Any, received: Any) -> None:
        message = Message(received.topic, bytes(received.payload), received.qos, bool(received.retain))
        for callback in self._router.targets(message.topic):
            try:
                callback(message)
            except Exception:  # one listener's mistake must not end the connection of the others
                log.exception("a listener for %s failed", message.topic)


def _tell(watchers: Iterable[Callable[[T], None]], news: T) -> None:
    for watcher in list(watchers):
        try:
            watcher(news)
        except Exception:  # the connection must survive any listener's mistake
            log.exception("a listener for the connection failed")


def _spread(delay_s: float) -> float:
    """Vary a delay by a fifth, so that the clients of a broker that comes back do not all come at once."""
    return delay_s * (0.8 + 0.4 * os.urandom(1)[0] / 255)


def _has_buffered(sock: Any) -> bool:
    pending = getattr(sock, "pending", None)  # only TLS sockets hold bytes back from `select`
    return pending is not None and pending() > 0


def _cut(client: Client) -> None:
    _shut(client, socket.SHUT_RDWR)


def _say_goodbye(client: Client) -> None:
    client.disconnect()
    deadline = time.monotonic() + 0.5
    while client.want_write() and time.monotonic() < deadline:
        sock: Any = client.socket()
        if sock is None:
            return
        select.select([], [sock], [], 0.05)
        client.loop_write()
    _shut(client, socket.SHUT_WR)


def _shut(client: Client, how: int) -> None:
    sock: Any = client.socket()
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(how)
