"""Messages between the processes of one unit while the broker is away: a worker cut off from its leader goes on.

A process that is not connected also sends what it publishes under its own unit's name to the other processes of the
unit. A connection is broken for a while before that is known: what was published meanwhile follows then, if it has a
time stamp. What was heard one way is left out when it comes the other way later.
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

REMEMBERED = 4096
"""Messages heard nearby that may still come from the broker."""
BROUGHT_REMEMBERED = 512
"""Messages from the broker that may still come from a neighbour whose connection broke before they were confirmed."""
LARGEST_DATAGRAM = 150_000
TIMESTAMP = b'"timestamp"'


class Nearby(Protocol):
    """A way to every other process of the unit. Sending never blocks; who does not listen misses it."""

    def send(self, topic: str, payload: bytes) -> None: ...

    def listen(self, hear: Callable[[str, bytes], None]) -> None:
        """Call back for what others send, on a thread of the adapter or the sender's."""
        ...

    def close(self) -> None: ...


class ConfirmingBus(Bus, Protocol):
    """A connection to the broker that knows what the broker has."""

    def on_unconfirmed(self, callback: Callable[[Sequence[tuple[str, bytes]]], None]) -> Subscription:
        """Call back after each loss with the (topic, payload) that may not have reached the broker, oldest first."""
        ...


class NearbyBus:
    """A connection to the broker that falls back to the unit's own processes."""

    def __init__(self, broker: ConfirmingBus, nearby: Nearby, unit: str) -> None:
        self._broker = broker
        self._nearby = nearby
        self._own_prefix = f"{topics.ROOT}/{unit}/"
        self._router: Router[Callable[[Message], None]] = Router()
        self._heard: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._brought: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._lock = threading.Lock()
        nearby.listen(self._hear_nearby)
        broker.on_unconfirmed(self._send_unconfirmed)

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        self._broker.publish(topic, payload, qos=qos, retain=retain)
        if topic.startswith(self._own_prefix) and not self._broker.is_connected():
            self._nearby.send(topic, payload.encode() if isinstance(payload, str) else payload)

    def subscribe(self, topic_filter: str, callback: Callable[[Message], None], *, qos: int = 1) -> Subscription:
        def unless_heard(message: Message) -> None:
            if not self._was_heard(message):
                callback(message)

        route = self._router.add(topic_filter, callback)
        subscription = self._broker.subscribe(topic_filter, unless_heard, qos=qos)

        def cancel() -> None:
            self._router.remove(route)
            subscription.cancel()

        return Cancellable(cancel)

    def _send_unconfirmed(self, published: Sequence[tuple[str, bytes]]) -> None:
        """Send after a loss what nobody here may have heard, if it can be told from a repetition."""
        for topic, payload in published:
            if topic.startswith(self._own_prefix) and TIMESTAMP in payload:
                self._nearby.send(topic, payload)

    def _hear_nearby(self, topic: str, payload: bytes) -> None:
        if TIMESTAMP in payload:
            with self._lock:
                known = (topic, payload) in self._heard or (topic, payload) in self._brought
                _remember(self._heard, (topic, payload), REMEMBERED)
            if known:
                return
        message = Message(topic, payload, qos=1)
        for callback in self._router.targets(topic):
            try:
                callback(message)
            except Exception:  # what one callback does wrong must not keep the others from hearing
                log.exception("error in a callback for %s", topic)

    def _was_heard(self, message: Message) -> bool:
        """Say whether this was heard nearby before; only stamped messages can be told from later ones like them."""
        if not message.topic.startswith(self._own_prefix) or TIMESTAMP not in message.payload:
            return False
        key = (message.topic, message.payload)
        with self._lock:
            if key in self._heard:
                return True
            _remember(self._brought, key, BROUGHT_REMEMBERED)
        return False

    def is_connected(self) -> bool:
        return self._broker.is_connected()

    def on_connection(self, callback: Callable[[bool], None]) -> Subscription:
        return self._broker.on_connection(callback)

    def flush(self, timeout_s: float) -> bool:
        return self._broker.flush(timeout_s)

    def close(self) -> None:
        self._broker.close()
        self._nearby.close()


def _remember(memory: OrderedDict[tuple[str, bytes], None], key: tuple[str, bytes], most: int) -> None:
    memory[key] = None
    while len(memory) > most:
        memory.popitem(last=False)


class Brokers(Protocol):
    """Opens connections to the broker."""

    def connect(self, client_name: str, *, will: Will | None = None) -> ConfirmingBus: ...


class NearbyBusFactory:
    """Opens connections that fall back to the unit's own processes."""

    def __init__(self, brokers: Brokers, open_nearby: Callable[[], Nearby], unit: str) -> None:
        self._brokers = brokers
        self._open_nearby = open_nearby
        self._unit = unit

    def connect(self, client_name: str, *, will: Will | None = None) -> NearbyBus:
        return NearbyBus(self._brokers.connect(client_name, will=will), self._open_nearby(), self._unit)


class UnixDatagrams:
    """Each process listens on a socket in one folder of the unit, private to its user, and sends to all others."""

    _numbers = itertools.count()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"{os.getpid()}-{next(self._numbers)}"
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)
        self._receiver: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def listen(self, hear: Callable[[str, bytes], None]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.unlink(missing_ok=True)
            receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            receiver.bind(str(self._path))
            self._path.chmod(0o600)
        except OSError as error:
            log.warning("Other processes of this unit cannot be heard while the broker is away: %s.", error)
            return
        self._receiver = receiver
        self._thread = threading.Thread(target=self._receive, args=(receiver, hear), name="nearby", daemon=True)
        self._thread.start()

    def _receive(self, receiver: socket.socket, hear: Callable[[str, bytes], None]) -> None:
        while True:
            try:
                datagram = receiver.recv(LARGEST_DATAGRAM)
            except OSError:
                return
            if self._closed:
                return
            topic, separator, payload = datagram.partition(b"\0")
            if separator:
                hear(topic.decode("utf-8", "replace"), payload)

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
                # Its process died without a goodbye.
                path.unlink(missing_ok=True)
            except OSError as error:
                log.debug("%s does not take a message: %s", path.name, error)

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


class NearbyHub:
    """The same among code of one process: units of virtual time."""

    def __init__(self) -> None:
        self._members: list[_HubMember] = []

    def open(self) -> _HubMember:
        member = _HubMember(self._members)
        self._members.append(member)
        return member


class _HubMember:
    def __init__(self, members: list[_HubMember]) -> None:
        self._members = members
        self._hear: Callable[[str, bytes], None] | None = None

    def listen(self, hear: Callable[[str, bytes], None]) -> None:
        self._hear = hear

    def send(self, topic: str, payload: bytes) -> None:
        for member in list(self._members):
            if member is not self and member._hear is not None:
                member._hear(topic, payload)

    def close(self) -> None:
        if self in self._members:
            self._members.remove(self)
