"""Messages between the processes of one unit while the broker is unreachable.

A process without a connection also sends what it publishes under its own unit's name directly to the other processes of
the unit. It takes a while to detect a broken connection: messages published meanwhile are sent afterwards, if they have
a timestamp. A message that arrives both ways is delivered once.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from pioreactor import topics
from pioreactor.messaging.ports import Bus, Message, Subscription, Will
from pioreactor.messaging.router import Router
from pioreactor.messaging.subscription import Cancellable

log = logging.getLogger(__name__)

MAX_LOCAL_KEYS = 4096
"""Messages received locally that may still arrive from the broker."""
MAX_BROKER_KEYS = 512
"""Messages received from the broker that a process may still send locally, because it saw no acknowledgment."""
MAX_DATAGRAM_BYTES = 150_000
TIMESTAMP_KEY = b'"timestamp"'


class LocalBus(Protocol):
    """A channel to every other process of the unit. Sending never blocks; a process that is not listening misses it."""

    def send(self, topic: str, payload: bytes) -> None:
        """Send a message to all others."""
        ...

    def listen(self, callback: Callable[[str, bytes], None]) -> None:
        """Call back with each message of the others, on a thread of the adapter or of the sender."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class ConfirmingBus(Bus, Protocol):
    """A connection to the broker that reports which messages were not acknowledged."""

    def on_unconfirmed(self, callback: Callable[[Sequence[tuple[str, bytes]]], None]) -> Subscription:
        """Call back after each loss with the (topic, payload) pairs without acknowledgment, oldest first."""
        ...


class LocalFallbackBus:
    """A connection to the broker that falls back to a local bus."""

    def __init__(self, broker: ConfirmingBus, local: LocalBus, unit: str) -> None:
        self._broker = broker
        self._local = local
        self._own_prefix = f"{topics.ROOT}/{unit}/"
        self._router: Router[Callable[[Message], None]] = Router()
        self._received_locally: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._received_from_broker: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._lock = threading.Lock()
        local.listen(self._on_local_message)
        broker.on_unconfirmed(self._send_unconfirmed)

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        self._broker.publish(topic, payload, qos=qos, retain=retain)
        if topic.startswith(self._own_prefix) and not self._broker.is_connected():
            self._local.send(topic, payload.encode() if isinstance(payload, str) else payload)

    def subscribe(self, topic_filter: str, callback: Callable[[Message], None], *, qos: int = 1) -> Subscription:
        def unless_received_locally(message: Message) -> None:
            if not self._is_duplicate(message):
                callback(message)

        route = self._router.add(topic_filter, callback)
        subscription = self._broker.subscribe(topic_filter, unless_received_locally, qos=qos)

        def cancel() -> None:
            self._router.remove(route)
            subscription.cancel()

        return Cancellable(cancel)

    def _send_unconfirmed(self, published: Sequence[tuple[str, bytes]]) -> None:
        """Send unacknowledged messages locally after a loss, if a timestamp lets receivers detect duplicates."""
        for topic, payload in published:
            if topic.startswith(self._own_prefix) and TIMESTAMP_KEY in payload:
                self._local.send(topic, payload)

    def _on_local_message(self, topic: str, payload: bytes) -> None:
        if TIMESTAMP_KEY in payload:
            with self._lock:
                known = (topic, payload) in self._received_locally or (topic, payload) in self._received_from_broker
                _remember(self._received_locally, (topic, payload), MAX_LOCAL_KEYS)
            if known:
                return
        message = Message(topic, payload, qos=1)
        for callback in self._router.targets(topic):
            try:
                callback(message)
            except Exception:  # a failing callback must not keep the message from the others
                log.exception("A callback for %s failed", topic)

    def _is_duplicate(self, message: Message) -> bool:
        """Return whether this was received locally before; only messages with a timestamp are distinguishable."""
        if not message.topic.startswith(self._own_prefix) or TIMESTAMP_KEY not in message.payload:
            return False
        key = (message.topic, message.payload)
        with self._lock:
            if key in self._received_locally:
                return True
            _remember(self._received_from_broker, key, MAX_BROKER_KEYS)
        return False

    def is_connected(self) -> bool:
        return self._broker.is_connected()

    def on_connection(self, callback: Callable[[bool], None]) -> Subscription:
        return self._broker.on_connection(callback)

    def flush(self, timeout_s: float) -> bool:
        return self._broker.flush(timeout_s)

    def close(self) -> None:
        self._broker.close()
        self._local.close()


def _remember(keys: OrderedDict[tuple[str, bytes], None], key: tuple[str, bytes], max_keys: int) -> None:
    keys[key] = None
    while len(keys) > max_keys:
        keys.popitem(last=False)


class ConfirmingBusFactory(Protocol):
    """A factory of connections to the broker."""

    def connect(self, client_name: str, *, will: Will | None = None) -> ConfirmingBus: ...


class LocalFallbackBusFactory:
    """A factory of connections that fall back to a local bus."""

    def __init__(self, brokers: ConfirmingBusFactory, open_local: Callable[[], LocalBus], unit: str) -> None:
        self._brokers = brokers
        self._open_local = open_local
        self._unit = unit

    def connect(self, client_name: str, *, will: Will | None = None) -> LocalFallbackBus:
        return LocalFallbackBus(self._brokers.connect(client_name, will=will), self._open_local(), self._unit)


class UnixSocketBus:
    """A local bus of Unix datagram sockets in one directory of the unit, private to its user."""

    _numbers = itertools.count()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"{os.getpid()}-{next(self._numbers)}"
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)
        self._receiver: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def listen(self, callback: Callable[[str, bytes], None]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.unlink(missing_ok=True)
            receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            receiver.bind(str(self._path))
            self._path.chmod(0o600)
        except OSError as error:
            log.warning("Without a broker, messages of other processes of this unit cannot be received: %s.", error)
            return
        self._receiver = receiver
        self._thread = threading.Thread(target=self._receive, args=(receiver, callback), name="local bus", daemon=True)
        self._thread.start()

    def _receive(self, receiver: socket.socket, callback: Callable[[str, bytes], None]) -> None:
        while True:
            try:
                datagram = receiver.recv(MAX_DATAGRAM_BYTES)
            except OSError:
                return
            if self._closed:
                return
            topic, separator, payload = datagram.partition(b"\0")
            if separator:
                callback(topic.decode("utf-8", "replace"), payload)

    def send(self, topic: str, payload: bytes) -> None:
        datagram = topic.encode() + b"\0" + payload
        try:
            others = [path for path in self._folder.iterdir() if path != self._path]
        except OSError:
            return
        for path in others:
            try:
                self._sender.sendto(datagram, str(path))
            except ConnectionRefusedError:
                # Its process ended without removing the socket.
                path.unlink(missing_ok=True)
            except OSError as error:
                log.debug("Sending to %s failed: %s", path.name, error)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._receiver is not None:
            with contextlib.suppress(OSError):
                self._sender.sendto(b"", str(self._path))
            if self._thread is not None and self._thread is not threading.current_thread():
                self._thread.join(1.0)
            self._receiver.close()
            self._path.unlink(missing_ok=True)
        self._sender.close()


class InProcessLocalBuses:
    """Local buses within one process, for units in virtual time."""

    def __init__(self) -> None:
        self._members: list[_InProcessLocalBus] = []

    def open(self) -> _InProcessLocalBus:
        """Return a new member."""
        member = _InProcessLocalBus(self._members)
        self._members.append(member)
        return member


class _InProcessLocalBus:
    def __init__(self, members: list[_InProcessLocalBus]) -> None:
        self._members = members
        self._callback: Callable[[str, bytes], None] | None = None

    def listen(self, callback: Callable[[str, bytes], None]) -> None:
        self._callback = callback

    def send(self, topic: str, payload: bytes) -> None:
        for member in list(self._members):
            if member is not self and member._callback is not None:
                member._callback(topic, payload)

    def close(self) -> None:
        if self in self._members:
            self._members.remove(self)
