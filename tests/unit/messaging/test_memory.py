"""The in-memory broker: one order for all, faults on demand, the same each time."""

import sys
from collections.abc import Sequence

from pioreactor.clock.virtual import VirtualClock
from pioreactor.messaging.memory import MemoryBroker, RandomFaults
from pioreactor.messaging.ports import Message, Will


def received_with(seed: int) -> tuple[list[bytes], float]:
    clock = VirtualClock()
    broker = MemoryBroker(clock)
    received: list[bytes] = []
    listener, publisher = broker.connect("subscriber"), broker.connect("publisher")
    listener.subscribe("a", lambda message: received.append(message.payload))
    publisher.faults = RandomFaults(seed, lost=0.2, repeated=0.2, delayed=0.5, max_delay_s=3.0)
    for number in range(200):
        publisher.publish("a", str(number))
    clock.sleep(3.0)
    return received, clock.monotonic()


def test_seeded_faults_are_reproducible() -> None:
    received, _ = received_with(1)
    numbers = [int(payload) for payload in received]
    assert len(set(numbers)) < 200
    assert len(set(numbers)) < len(numbers)
    assert numbers != sorted(numbers)
    assert received_with(1) == received_with(1)
    assert received_with(1) != received_with(2)


def test_faults_of_a_link_affect_only_that_client() -> None:
    class Lost:
        def delays_s(self, message: Message) -> Sequence[float]:
            return () if message.payload == b"secret" else (0.0,)

    broker = MemoryBroker(VirtualClock())
    deaf, fine, publisher = broker.connect("deaf"), broker.connect("fine"), broker.connect("publisher")
    deaf.faults = Lost()
    received: dict[str, list[bytes]] = {"deaf": [], "fine": []}
    deaf.subscribe("a", lambda message: received["deaf"].append(message.payload))
    fine.subscribe("a", lambda message: received["fine"].append(message.payload))
    publisher.publish("a", b"secret")
    publisher.publish("a", b"plain")
    assert received == {"deaf": [b"plain"], "fine": [b"secret", b"plain"]}


def test_all_subscribers_receive_a_message_before_the_reply_to_it() -> None:
    broker = MemoryBroker(VirtualClock())
    first, second = broker.connect("first"), broker.connect("second")
    received: list[bytes] = []

    def reply(message: Message) -> None:
        if message.payload == b"question":
            first.publish("a", b"answer")

    first.subscribe("a", reply)
    second.subscribe("a", lambda message: received.append(message.payload))
    second.publish("a", b"question")
    assert received == [b"question", b"answer"]


def test_chains_of_replies_do_not_deepen_the_stack() -> None:
    broker = MemoryBroker(VirtualClock())
    bus = broker.connect("bus")
    counts: list[int] = []

    def count(message: Message) -> None:
        number = int(message.payload)
        counts.append(number)
        if number < 2 * sys.getrecursionlimit():
            bus.publish("a", str(number + 1))

    bus.subscribe("a", count)
    bus.publish("a", "0")
    assert counts[-1] == 2 * sys.getrecursionlimit()


def test_a_delayed_message_does_not_reach_a_closed_client() -> None:
    clock = VirtualClock()
    broker = MemoryBroker(clock)
    listener, publisher = broker.connect("subscriber"), broker.connect("publisher")
    received: list[bytes] = []
    listener.subscribe("a", lambda message: received.append(message.payload))
    listener.faults = RandomFaults(1, delayed=1.0)
    publisher.publish("a", b"1")
    listener.close()
    clock.sleep(2.0)
    assert received == []


def test_a_lost_link_publishes_the_will_and_the_job_overwrites_it_afterwards() -> None:
    broker = MemoryBroker(VirtualClock())
    job = broker.connect("job", will=Will("job/$state", b"lost"))
    connections: list[bool] = []
    job.on_connection(connections.append)
    job.publish("job/$state", b"ready", retain=True)
    job.lose_connection()
    assert broker.retained == {"job/$state": b"lost"}
    job.publish("job/$state", b"sleeping", retain=True)
    job.publish("job/$state", b"ready", retain=True)
    job.restore_connection()
    assert broker.retained == {"job/$state": b"ready"}
    assert connections == [False, True]


def test_retained_messages_are_sent_to_the_new_callback_only() -> None:
    broker = MemoryBroker(VirtualClock())
    bus = broker.connect("bus")
    for name in "abc":
        bus.publish(f"x/{name}", name, retain=True)
    one: list[bytes] = []
    many: list[bytes] = []
    bus.subscribe("x/b", lambda message: one.append(message.payload))
    bus.subscribe("x/+", lambda message: many.append(message.payload))
    assert one == [b"b"]
    assert many == [b"a", b"b", b"c"]
