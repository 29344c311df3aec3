"""Processes of a unit receive each other's messages while the broker is away, and none twice once it is back."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.messaging.local_bus import InProcessLocalBuses, LocalFallbackBus, UnixSocketBus
from pioreactor.messaging.memory import MemoryBroker, MemoryBus
from pioreactor.messaging.ports import Message, Subscription
from pioreactor.messaging.subscription import Cancellable

OWN = "pioreactor/unit1/exp/od_reading/ods"
READING = b'{"od":1,"timestamp":"2030-01-01T00:00:00.000Z"}'


class Link:
    """A connection that can break without a word: what is published then stays unconfirmed until that is noticed."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus
        self._told: list[Callable[[Sequence[tuple[str, bytes]]], None]] = []
        self._unconfirmed: list[tuple[str, bytes]] = []
        self.is_silent = False
        self.subscribe, self.on_connection = bus.subscribe, bus.on_connection
        self.is_connected, self.flush, self.close = bus.is_connected, bus.flush, bus.close

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        if self.is_silent:
            self._unconfirmed.append((topic, payload if isinstance(payload, bytes) else payload.encode()))
        else:
            self._bus.publish(topic, payload, qos=qos, retain=retain)

    def on_unconfirmed(self, callback: Callable[[Sequence[tuple[str, bytes]]], None]) -> Subscription:
        self._told.append(callback)
        return Cancellable(lambda: self._told.remove(callback))

    def notice(self, *more: tuple[str, bytes]) -> None:
        for tell in self._told:
            tell([*self._unconfirmed, *more])


class Pair:
    """Two processes of one unit."""

    def __init__(self) -> None:
        self.broker = MemoryBroker(VirtualClock())
        hub = InProcessLocalBuses()
        self.links = [Link(self.broker.connect("a")), Link(self.broker.connect("b"))]
        self.a, self.b = (LocalFallbackBus(link, hub.open(), "unit1") for link in self.links)
        self.received: list[Message] = []
        self.b.subscribe("pioreactor/+/exp/#", self.received.append)

    def cut(self) -> None:
        self.broker.stop()

    def restore(self) -> None:
        self.broker.start()


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_with_a_broker_a_message_arrives_once(pair: Pair) -> None:
    pair.a.publish(OWN, READING)

    assert [message.payload for message in pair.received] == [READING]


def test_without_a_broker_messages_arrive_locally(pair: Pair) -> None:
    pair.cut()
    pair.a.publish(OWN, READING)

    assert [message.payload for message in pair.received] == [READING]


def test_messages_received_locally_are_not_repeated_by_the_broker(pair: Pair) -> None:
    pair.cut()
    pair.a.publish(OWN, READING, retain=True)
    pair.restore()

    assert [message.payload for message in pair.received] == [READING]


def test_equal_values_without_a_timestamp_are_all_delivered(pair: Pair) -> None:
    pair.cut()
    pair.a.publish("pioreactor/unit1/exp/stirring/target_rpm/set", b"300")
    pair.restore()
    pair.a.publish("pioreactor/unit1/exp/stirring/target_rpm/set", b"300")

    assert len(pair.received) >= 2


def test_messages_under_other_units_are_not_sent_locally(pair: Pair) -> None:
    pair.cut()
    pair.a.publish("pioreactor/unit2/exp/od_reading/ods", READING)

    assert pair.received == []


def test_messages_lost_before_the_loss_was_detected_are_sent_locally(pair: Pair) -> None:
    pair.links[0].is_silent = True
    pair.a.publish(OWN, READING)
    pair.a.publish("pioreactor/unit1/exp/stirring/target_rpm", b"300")
    pair.a.publish("pioreactor/unit2/exp/od_reading/ods", READING)
    assert pair.received == []
    pair.links[0].notice()

    assert [(message.topic, message.payload) for message in pair.received] == [(OWN, READING)]


def test_delivered_but_unconfirmed_messages_arrive_once(pair: Pair) -> None:
    pair.a.publish(OWN, READING)
    pair.links[0].notice((OWN, READING))
    pair.links[0].notice((OWN, READING))

    assert [message.payload for message in pair.received] == [READING]


def test_messages_sent_locally_twice_arrive_once(pair: Pair) -> None:
    pair.cut()
    pair.a.publish(OWN, READING)
    pair.links[0].notice((OWN, READING))

    assert [message.payload for message in pair.received] == [READING]


def test_a_canceled_subscription_receives_no_local_messages(pair: Pair) -> None:
    received: list[Message] = []
    pair.b.subscribe(OWN, received.append).cancel()
    pair.cut()
    pair.a.publish(OWN, READING)

    assert received == []


@pytest.fixture
def open_local_bus(tmp_path: Path) -> Iterator[Callable[[], UnixSocketBus]]:
    opened: list[UnixSocketBus] = []

    def make() -> UnixSocketBus:
        opened.append(UnixSocketBus(tmp_path / "n"))
        return opened[-1]

    yield make
    for local_bus in opened:
        local_bus.close()


def test_datagrams_reach_every_other_process(open_local_bus: Callable[[], UnixSocketBus]) -> None:
    arrived = threading.Event()
    received: list[tuple[str, bytes]] = []

    def on_message(topic: str, payload: bytes) -> None:
        received.append((topic, payload))
        arrived.set()

    listener, sender = open_local_bus(), open_local_bus()
    listener.listen(on_message)
    sender.listen(lambda topic, payload: None)
    sender.send("a/b", b"x\0y")

    assert arrived.wait(5.0)
    assert received == [("a/b", b"x\0y")]


def test_the_socket_is_private(open_local_bus: Callable[[], UnixSocketBus], tmp_path: Path) -> None:
    open_local_bus().listen(lambda topic, payload: None)

    (path,) = (tmp_path / "n").iterdir()
    assert path.stat().st_mode & 0o077 == 0


def test_sockets_of_ended_processes_are_removed(open_local_bus: Callable[[], UnixSocketBus], tmp_path: Path) -> None:
    sender = open_local_bus()
    sender.listen(lambda topic, payload: None)
    dead = tmp_path / "n" / "999-0"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left_behind:
        left_behind.bind(os.fspath(dead))
    sender.send("a", b"b")

    assert not dead.exists()


def test_without_its_directory_the_local_bus_is_silent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    local_bus = UnixSocketBus(tmp_path / "file" / "n")
    local_bus.listen(lambda topic, payload: None)
    local_bus.send("a", b"b")
    local_bus.close()


def test_close_disconnects_from_the_broker(pair: Pair) -> None:
    pair.b.close()

    assert not pair.links[1].is_connected()
