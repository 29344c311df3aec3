"""Asking for retained messages, in virtual time."""

from pioreactor.clock.virtual import VirtualClock
from pioreactor.messaging.asking import ask_retained, collect_retained
from pioreactor.messaging.memory import MemoryBroker


def test_a_retained_value_is_the_answer_at_once() -> None:
    clock = VirtualClock()
    bus = MemoryBroker(clock).connect("bus")
    bus.publish("a", b"1", retain=True)
    before = clock.monotonic()
    answer = ask_retained(bus, "a", clock=clock, timeout_s=5.0)
    assert answer is not None
    assert (answer.payload, answer.retain) == (b"1", True)
    assert clock.monotonic() == before


def test_a_live_value_answers_too() -> None:
    clock = VirtualClock()
    bus = MemoryBroker(clock).connect("bus")

    def speak() -> None:
        clock.sleep(2.0)
        bus.publish("a", b"live")

    clock.spawn(speak, name="speaker")
    before = clock.monotonic()
    answer = ask_retained(bus, "a", clock=clock, timeout_s=5.0)
    assert answer is not None
    assert answer.payload == b"live"
    assert clock.monotonic() == before + 2.0


def test_silence_takes_the_whole_time_and_leaves_no_subscription() -> None:
    clock = VirtualClock()
    broker = MemoryBroker(clock)
    bus = broker.connect("bus")
    before = clock.monotonic()
    assert ask_retained(bus, "a", clock=clock, timeout_s=5.0) is None
    assert clock.monotonic() == before + 5.0
    assert broker._router.filters() == []


def test_collecting_takes_what_is_retained_and_nothing_live() -> None:
    clock = VirtualClock()
    broker = MemoryBroker(clock)
    bus = broker.connect("bus")
    for name in "ab":
        bus.publish(f"x/{name}", name, retain=True)
    bus.publish("y", b"elsewhere", retain=True)

    def chatter() -> None:
        clock.sleep(0.05)
        bus.publish("x/c", b"live")

    clock.spawn(chatter, name="chatter")
    found = collect_retained(bus, "x/#", clock=clock, quiet_s=0.1)
    assert {topic: message.payload for topic, message in found.items()} == {"x/a": b"a", "x/b": b"b"}
    assert broker._router.filters() == []


def test_collecting_from_late_brokers_goes_on_until_it_is_quiet() -> None:
    clock = VirtualClock()
    broker = MemoryBroker(clock)
    listener, speaker = broker.connect("listener"), broker.connect("speaker")
    for name in "abc":
        speaker.publish(f"x/{name}", name, retain=True)

    class Slow:
        delay_s = 0.0

        def fate(self, message: object) -> tuple[float, ...]:
            self.delay_s += 0.08
            return (self.delay_s,)

    listener.faults = Slow()
    assert set(collect_retained(listener, "x/#", clock=clock, quiet_s=0.1)) == {"x/a", "x/b", "x/c"}
