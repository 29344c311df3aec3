"""A `Bus` over one MQTT 3.1.1 connection, which a thread of its own maintains.

The paho client serves as codec and socket only: each connection gets a new one, and only the network thread uses it.
The bus itself keeps queued and unacknowledged messages and the subscriptions, so that after a loss an old retained
value is never sent after a newer one. QoS 2 is sent as QoS 1; `docs/explanations/decisions` gives the reason.
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
from typing import TYPE_CHECKING, TypeVar

from pioreactor.messaging.lazy_paho import load_client
from pioreactor.messaging.outgoing_queue import OutgoingMessage, OutgoingQueue
from pioreactor.messaging.ports import BrokerAddress, Message, Will
from pioreactor.messaging.reconnect_delay import ConnectionTiming, ReconnectDelay
from pioreactor.messaging.router import Route, Router, check_topic
from pioreactor.messaging.subscription import Cancellable

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, SocketLike
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger(__name__)

T = TypeVar("T")

_MAX_IN_FLIGHT = 100
"""Publications sent ahead of their acknowledgments."""
_FILTERS_PER_REQUEST = 50
_CONNECT_TIMEOUT_S = 2.0
"""Of TCP alone. The kernel sends SYN after 0 s and 1 s, and would next after 3 s."""
_SELECT_TIMEOUT_S = 1.0
"""The longest wait of the network thread: paho checks the keep-alive this often."""


@dataclass(frozen=True, slots=True)
class MqttBusFactory:
    """A factory of connections of one unit to one broker."""

    address: BrokerAddress
    unit: str
    timing: ConnectionTiming = field(default_factory=ConnectionTiming)

    def connect(self, client_name: str, *, will: Will | None = None) -> MqttBus:
        """Return a bus at once; it connects in the background, however long that takes."""
        name = client_name.removesuffix(f"-{self.unit}")
        client_id = f"{name}-{self.unit}-{os.urandom(3).hex()}"
        return MqttBus(self.address, client_id, will=will, timing=self.timing)


class MqttBus:
    """A connection that is maintained until it is closed."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        will: Will | None = None,
        timing: ConnectionTiming | None = None,
    ) -> None:
        self.client_id = client_id
        self._address = address
        self._will = will
        self._timing = timing if timing is not None else ConnectionTiming()
        self._router: Router[Callable[[Message], None]] = Router()
        self._connection_callbacks: dict[object, Callable[[bool], None]] = {}
        self._unconfirmed_callbacks: dict[object, Callable[[Sequence[tuple[str, bytes]]], None]] = {}
        self._changed = threading.Condition()
        self._queue = OutgoingQueue()
        self._requests: deque[tuple[bool, str]] = deque()
        self._unacknowledged: dict[int, OutgoingMessage] = {}
        self._pending_acknowledgments: set[int] = set()
        self._busy = False
        self._connected = False
        self._attempted = False
        self._aborted = False
        self._connection_error: str | None = None
        self._closing = threading.Event()
        self._close_by = 0.0
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._woken = False
        self._thread = threading.Thread(target=self._run, name=f"mqtt {client_id}", daemon=True)
        self._thread.start()

    # public -----------------------------------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        """Queue a message; QoS 2 counts as 1. After `close` it is dropped. Raise InvalidRequestError for bad topics."""
        check_topic(topic)
        body = payload.encode() if isinstance(payload, str) else bytes(payload)
        with self._changed:
            if self._closing.is_set():
                log.debug("%s is closed; dropping a message on %s", self.client_id, topic)
                return
            self._queue.put(OutgoingMessage(topic, body, min(qos, 1), retain))
            self._wake()

    def subscribe(self, topic_filter: str, callback: Callable[[Message], None], *, qos: int = 1) -> Cancellable:
        """Subscribe. Each new subscription makes the broker send the retained messages that match its filter.

        These reach every matching callback of this bus. Raise `InvalidRequestError` for malformed filters.
        """
        del qos  # always 1: the broker delivers with the lower QoS of publication and subscription
        route = self._router.add(topic_filter, callback)
        self._request(True, topic_filter)
        return Cancellable(lambda: self._unsubscribe(route))

    def is_connected(self) -> bool:
        return self._connected

    def on_connection(self, callback: Callable[[bool], None]) -> Cancellable:
        key = object()
        self._connection_callbacks[key] = callback
        return Cancellable(lambda: self._connection_callbacks.pop(key, None))

    def on_unconfirmed(self, callback: Callable[[Sequence[tuple[str, bytes]]], None]) -> Cancellable:
        """Call back after each loss with the (topic, payload) pairs without acknowledgment, oldest first."""
        key = object()
        self._unconfirmed_callbacks[key] = callback
        return Cancellable(lambda: self._unconfirmed_callbacks.pop(key, None))

    def flush(self, timeout_s: float) -> bool:
        """Wait until the broker has acknowledged all publications and subscriptions; return False on timeout."""
        with self._changed:
            if threading.current_thread() is self._thread:
                return self._drained()
            return self._changed.wait_for(self._drained, timeout_s)

    def close(self) -> None:
        """Say goodbye, after at most `close_timeout_s` for what is on its way. The will is not sent."""
        with self._changed:
            if not self._closing.is_set():
                self._close_by = time.monotonic() + self._timing.close_timeout_s
                self._closing.set()
                self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(self._timing.close_timeout_s + 1.0)

    def abort(self) -> None:
        """Disconnect ungracefully, as a crash does: the broker publishes the will."""
        self._aborted = True
        self.close()

    @property
    def dropped(self) -> int:
        """Return how many messages were dropped from a full queue; retained ones are never dropped."""
        return self._queue.dropped

    @property
    def connection_error(self) -> str | None:
        """Return why there is no connection; None while connected or before the first attempt."""
        return self._connection_error

    # shared between callers and the network thread --------------------------------------------------------------------

    def _request(self, subscribe: bool, topic_filter: str) -> None:
        with self._changed:
            self._requests.append((subscribe, topic_filter))
            self._wake()

    def _unsubscribe(self, route: Route[Callable[[Message], None]]) -> None:
        if self._router.remove(route) and not self._router.has_filter(route.topic_filter):
            self._request(False, route.topic_filter)

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            with contextlib.suppress(OSError):  # the thread has ended, or a wake-up is pending
                self._wake_writer.send(b"\0")

    def _drained(self) -> bool:
        pending = self._queue or self._requests or self._unacknowledged or self._pending_acknowledgments
        return not pending and not self._busy

    # the network thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        delay = ReconnectDelay(self._timing)
        try:
            while not self._closing.is_set() or (self._queue and not self._attempted):
                started_s, answered = time.monotonic(), True
                try:
                    answered = self._run_connection()
                except Exception:  # whatever the broker sent, the next connection may succeed
                    log.exception("%s lost its connection", self.client_id)
                self._attempted = True
                self._closing.wait(_jitter(delay.after(time.monotonic() - started_s, answered=answered)))
        finally:
            with self._changed:
                self._wake_reader.close()
                self._wake_writer.close()
                if self._queue and not self._aborted:
                    log.warning("%s closes with %d messages unsent", self.client_id, len(self._queue))

    def _run_connection(self) -> bool:
        """Run one connection from the attempt to its loss or close; return whether the broker answered."""
        client = self._new_client()
        try:
            client.connect(self._host, self._address.port, self._timing.keepalive_s)
        except (OSError, ValueError) as error:
            self._log_connection_error(f"{self._address.host}:{self._address.port} is unreachable: {error}")
            return False
        try:
            while client.socket() is not None and not self._should_disconnect():
                self._send_pending(client)
                self._wait(client)
                if client.loop(0) != 0:
                    break
                self._update_drained(client)
            if self._aborted:
                _reset(client)
            elif self._closing.is_set():
                _disconnect(client)
        finally:
            self._after_loss()
        return True

    @property
    def _host(self) -> str:
        """Return the host, as bytes where possible, so that the IDNA codec is not loaded."""
        host = self._address.host
        return host if self._address.tls or not host.isascii() else host.encode()  # type: ignore[return-value]

    def _new_client(self) -> Client:
        paho = load_client()
        client: Client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=self.client_id, protocol=paho.MQTTv311, clean_session=True
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(_MAX_IN_FLIGHT + 1)
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls:
            import ssl

            client.tls_set_context(ssl.create_default_context(cafile=self._address.ca_file))
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        client.on_socket_open = self._prepare_socket
        client.on_connect = self._on_connect
        client.on_publish = self._on_puback
        client.on_subscribe = self._on_suback
        client.on_unsubscribe = self._on_suback
        client.on_message = self._on_message
        return client

    def _prepare_socket(self, _client: Client, _data: object, sock: SocketLike) -> None:
        """Disable Nagle's algorithm, which delays small packets, and limit how long data may stay unacknowledged."""
        if not isinstance(sock, socket.socket):
            return
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                timeout_ms = round(1000 * self._timing.unacknowledged_timeout_s)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout_ms)

    def _should_disconnect(self) -> bool:
        if not self._closing.is_set():
            return False
        return self._aborted or self._drained_of_messages() or time.monotonic() >= self._close_by

    def _drained_of_messages(self) -> bool:
        with self._changed:
            return not self._queue and not self._unacknowledged and not self._busy

    def _wait(self, client: Client) -> None:
        sock = client.socket()
        if sock is None or _has_pending_bytes(sock):
            return
        timeout_s = 0.05 if self._closing.is_set() else _SELECT_TIMEOUT_S
        writers = [sock] if client.want_write() else []
        readable, _, _ = select.select([sock, self._wake_reader], writers, [], timeout_s)
        if self._wake_reader in readable:
            with self._changed:
                self._woken = False
                with contextlib.suppress(BlockingIOError):
                    self._wake_reader.recv(64)

    def _send_pending(self, client: Client) -> None:
        """Pass queued requests and messages to paho, subscriptions first, as far as the broker keeps up."""
        if not self._connected:
            return
        with self._changed:
            requests = list(self._requests)
            self._requests.clear()
            for subscribe, topic_filter in requests:
                self._send_request(client, subscribe, [topic_filter])
        while len(self._unacknowledged) < _MAX_IN_FLIGHT and not client.want_write():
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

    def _send_request(self, client: Client, subscribe: bool, filters: list[str]) -> None:
        if subscribe:
            _, packet_id = client.subscribe([(topic_filter, 1) for topic_filter in filters])
        else:
            _, packet_id = client.unsubscribe(filters)
        if packet_id is not None:
            self._pending_acknowledgments.add(packet_id)

    def _update_drained(self, client: Client) -> None:
        with self._changed:
            self._busy = client.want_write()
            if self._drained():
                self._changed.notify_all()

    def _after_loss(self) -> None:
        with self._changed:
            was_connected, self._connected = self._connected, False
            unconfirmed = [
                (message.topic, message.payload) for message in (*self._unacknowledged.values(), *self._queue.waiting())
            ]
            self._queue.lose_connection(self._unacknowledged.values())
            self._unacknowledged.clear()
            self._pending_acknowledgments.clear()
            self._requests = deque((True, topic_filter) for topic_filter in self._router.filters())
            self._busy = False
            self._changed.notify_all()
        if was_connected and not self._closing.is_set():
            self._log_connection_error("the connection was lost")
            _notify(self._unconfirmed_callbacks.values(), unconfirmed)
            _notify(self._connection_callbacks.values(), False)

    def _log_connection_error(self, error: str) -> None:
        if error != self._connection_error:
            log.warning("%s: %s; retrying", self.client_id, error)
        self._connection_error = error

    # called by paho, on the network thread ----------------------------------------------------------------------------

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._log_connection_error(f"the broker refused: {reason}")
            return
        with self._changed:
            filters = self._router.filters()
            self._requests.clear()
            for start in range(0, len(filters), _FILTERS_PER_REQUEST):
                self._send_request(client, True, filters[start : start + _FILTERS_PER_REQUEST])
            self._queue.online = True
            self._connected = True
            self._connection_error = None
        log.debug("%s is connected", self.client_id)
        _notify(self._connection_callbacks.values(), True)

    def _on_puback(
        self, _client: Client, _data: object, packet_id: int, _reason: ReasonCode, _properties: Properties
    ) -> None:
        with self._changed:
            self._unacknowledged.pop(packet_id, None)

    def _on_suback(
        self,
        _client: Client,
        _data: object,
        packet_id: int,
        _reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        with self._changed:
            self._pending_acknowledgments.discard(packet_id)

    def _on_message(self, _client: Client, _data: object, received: MQTTMessage) -> None:
        message = Message(received.topic, bytes(received.payload), received.qos, bool(received.retain))
        for callback in self._router.targets(message.topic):
            try:
                callback(message)
            except Exception:  # a failing callback must not end the connection of the others
                log.exception("A callback for %s failed", message.topic)


def _notify(callbacks: Iterable[Callable[[T], None]], value: T) -> None:
    for callback in list(callbacks):
        try:
            callback(value)
        except Exception:  # the connection must survive a failing callback
            log.exception("A callback for the connection failed")


def _jitter(delay_s: float) -> float:
    """Vary a delay by ±20 %, so that clients do not all reconnect at once after a broker restart."""
    return delay_s * (0.8 + 0.4 * os.urandom(1)[0] / 255)


def _has_pending_bytes(sock: SocketLike) -> bool:
    pending = getattr(sock, "pending", None)  # only TLS sockets buffer bytes that `select` does not see
    return pending is not None and pending() > 0


def _reset(client: Client) -> None:
    _shut(client, socket.SHUT_RDWR)


def _disconnect(client: Client) -> None:
    client.disconnect()
    deadline = time.monotonic() + 0.5
    while client.want_write() and time.monotonic() < deadline:
        sock = client.socket()
        if sock is None:
            return
        select.select([], [sock], [], 0.05)
        client.loop_write()
    _shut(client, socket.SHUT_WR)


def _shut(client: Client, how: int) -> None:
    sock = client.socket()
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            sock.shutdown(how)
