"""The in-memory broker: one order for all, faults on demand, the same each time."""

import sys
from collections.abc import Sequence

from pioreactor.clock.virtual import VirtualClock
from pioreactor.messaging.memory import MemoryBroker, RandomFaults
from pioreactor.messaging.ports import Message, Will


def heard_with(seed: int) -> tuple[list[bytes], float]:
    clock = VirtualClock()
    broker = MemoryBroker(clock)
    heard: list[bytes] = []
    listener, speaker = broker.connect("listener"), broker.connect("speaker")
    listener.subscribe("a", lambda message: heard.append(message.payload))
    speaker.faults = RandomFaults(seed, lost=0.2, repeated=0.2, delayed=0.5, longest_delay_s=3.0)
    for number in range(200):
        speaker.publish("a", str(number))
    clock.sleep(3.0)
    return heard, clock.monotonic()


def test_seeded_faults_lose_repeat_and_reorder_and_are_the_same_each_time() -> None:
    heard, _ = heard_with(1)
    numbers = [int(payload) for payload in heard]
    assert len(set(numbers)) < 200
    assert len(set(numbers)) < len(numbers)
    assert numbers != sorted(numbers)
    assert heard_with(1) == heard_with(1)
    assert heard_with(1) != heard_with(2)


def test_faults_on_the_way_to_a_subscriber_concern_only_that_one() -> None:
    class Lost:
        def fate(self, message: Message) -> Sequence[float]:
            return () if message.payload == b"secret" else (0.0,)

    broker = MemoryBroker(VirtualClock())
    deaf, fine, speaker = broker.connect("deaf"), broker.connect("fine"), broker.connect("speaker")
    deaf.faults = Lost()
    heard: dict[str, list[bytes]] = {"deaf": [], "fine": []}
    deaf.subscribe("a", lambda message: heard["deaf"].append(message.payload))
    fine.subscribe("a", lambda message: heard["fine"].append(message.payload))
    speaker.publish("a", b"secret")
    speaker.publish("a", b"plain")
    assert heard == {"deaf": [b"plain"], "fine": [b"secret", b"plain"]}


def test_all_subscribers_hear_a_question_before_its_answer() -> None:
    broker = MemoryBroker(VirtualClock())
    first, second = broker.connect("first"), broker.connect("second")
    heard: list[bytes] = []

    def reply(message: Message) -> None:
        if message.payload == b"question":
            first.publish("a", b"answer")

    first.subscribe("a", reply)
    second.subscribe("a", lambda message: heard.append(message.payload))
    second.publish("a", b"question")
    assert heard == [b"question", b"answer"]


def test_endless_conversations_do_not_deepen_the_stack() -> None:
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


def test_a_late_message_does_not_reach_a_client_that_has_gone() -> None:
    clock = VirtualClock()
    broker = MemoryBroker(clock)
    listener, speaker = broker.connect("listener"), broker.connect("speaker")
    heard: list[bytes] = []
    listener.subscribe("a", lambda message: heard.append(message.payload))
    listener.faults = RandomFaults(1, delayed=1.0)
    speaker.publish("a", b"1")
    listener.close()
    clock.sleep(2.0)
    assert heard == []


def test_a_cut_link_announces_the_will_and_the_job_can_correct_it_afterwards() -> None:
    broker = MemoryBroker(VirtualClock())
    job = broker.connect("job", will=Will("job/$state", b"lost"))
    moods: list[bool] = []
    job.on_connection(moods.append)
    job.publish("job/$state", b"ready", retain=True)
    job.lose_connection()
    assert broker.retained == {"job/$state": b"lost"}
    job.publish("job/$state", b"sleeping", retain=True)
    job.publish("job/$state", b"ready", retain=True)
    job.restore_connection()
    assert broker.retained == {"job/$state": b"ready"}
    assert moods == [False, True]


def test_only_the_retained_messages_of_the_right_filter_are_repeated_to_the_right_callback() -> None:
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
