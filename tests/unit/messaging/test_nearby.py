"""A unit's processes hear each other while the broker is away, and nothing twice once it is back."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.messaging.local_bus import NearbyBus, NearbyHub, UnixDatagrams
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
        hub = NearbyHub()
        self.links = [Link(self.broker.connect("a")), Link(self.broker.connect("b"))]
        self.a, self.b = (NearbyBus(link, hub.open(), "unit1") for link in self.links)
        self.heard: list[Message] = []
        self.b.subscribe("pioreactor/+/exp/#", self.heard.append)

    def cut(self) -> None:
        self.broker.stop()

    def mend(self) -> None:
        self.broker.start()


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_with_a_broker_a_message_comes_once(pair: Pair) -> None:
    pair.a.publish(OWN, READING)

    assert [message.payload for message in pair.heard] == [READING]


def test_without_a_broker_the_unit_hears_itself(pair: Pair) -> None:
    pair.cut()
    pair.a.publish(OWN, READING)

    assert [message.payload for message in pair.heard] == [READING]


def test_what_was_heard_nearby_is_not_heard_again_from_the_broker(pair: Pair) -> None:
    pair.cut()
    pair.a.publish(OWN, READING, retain=True)
    pair.mend()

    assert [message.payload for message in pair.heard] == [READING]


def test_equal_values_without_a_time_stamp_are_all_heard(pair: Pair) -> None:
    pair.cut()
    pair.a.publish("pioreactor/unit1/exp/stirring/target_rpm/set", b"300")
    pair.mend()
    pair.a.publish("pioreactor/unit1/exp/stirring/target_rpm/set", b"300")

    assert len(pair.heard) >= 2


def test_other_units_are_not_imitated(pair: Pair) -> None:
    pair.cut()
    pair.a.publish("pioreactor/unit2/exp/od_reading/ods", READING)

    assert pair.heard == []


def test_what_was_said_before_a_broken_connection_was_noticed_is_heard_once_it_is(pair: Pair) -> None:
    pair.links[0].is_silent = True
    pair.a.publish(OWN, READING)
    pair.a.publish("pioreactor/unit1/exp/stirring/target_rpm", b"300")
    pair.a.publish("pioreactor/unit2/exp/od_reading/ods", READING)
    assert pair.heard == []
    pair.links[0].notice()

    assert [(message.topic, message.payload) for message in pair.heard] == [(OWN, READING)]


def test_what_the_broker_brought_but_did_not_confirm_is_heard_once(pair: Pair) -> None:
    pair.a.publish(OWN, READING)
    pair.links[0].notice((OWN, READING))
    pair.links[0].notice((OWN, READING))

    assert [message.payload for message in pair.heard] == [READING]


def test_what_was_sent_nearby_twice_is_heard_once(pair: Pair) -> None:
    pair.cut()
    pair.a.publish(OWN, READING)
    pair.links[0].notice((OWN, READING))

    assert [message.payload for message in pair.heard] == [READING]


def test_a_cancelled_subscription_hears_nothing_nearby(pair: Pair) -> None:
    heard: list[Message] = []
    pair.b.subscribe(OWN, heard.append).cancel()
    pair.cut()
    pair.a.publish(OWN, READING)

    assert heard == []


@pytest.fixture
def open_nearby(tmp_path: Path) -> Iterator[Callable[[], UnixDatagrams]]:
    opened: list[UnixDatagrams] = []

    def make() -> UnixDatagrams:
        opened.append(UnixDatagrams(tmp_path / "n"))
        return opened[-1]

    yield make
    for nearby in opened:
        nearby.close()


def test_datagrams_reach_every_other_process(open_nearby: Callable[[], UnixDatagrams]) -> None:
    arrived = threading.Event()
    heard: list[tuple[str, bytes]] = []

    def hear(topic: str, payload: bytes) -> None:
        heard.append((topic, payload))
        arrived.set()

    listener, sender = open_nearby(), open_nearby()
    listener.listen(hear)
    sender.listen(lambda topic, payload: None)
    sender.send("a/b", b"x\0y")

    assert arrived.wait(5.0)
    assert heard == [("a/b", b"x\0y")]


def test_the_socket_is_private(open_nearby: Callable[[], UnixDatagrams], tmp_path: Path) -> None:
    open_nearby().listen(lambda topic, payload: None)

    (path,) = (tmp_path / "n").iterdir()
    assert path.stat().st_mode & 0o077 == 0


def test_the_dead_are_forgotten(open_nearby: Callable[[], UnixDatagrams], tmp_path: Path) -> None:
    sender = open_nearby()
    sender.listen(lambda topic, payload: None)
    dead = tmp_path / "n" / "999-0"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left_behind:
        left_behind.bind(os.fspath(dead))
    sender.send("a", b"b")

    assert not dead.exists()


def test_a_folder_that_cannot_be_made_costs_only_the_nearby(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nearby = UnixDatagrams(tmp_path / "file" / "n")
    nearby.listen(lambda topic, payload: None)
    nearby.send("a", b"b")
    nearby.close()


def test_closing_says_goodbye_to_the_broker(pair: Pair) -> None:
    pair.b.close()

    assert not pair.links[1].is_connected()
