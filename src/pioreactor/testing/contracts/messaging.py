"""What every message bus must do, whichever broker is behind it."""

import threading
from collections.abc import Callable
from typing import Protocol

import pytest

from pioreactor.exc import InvalidRequestError
from pioreactor.messaging.ports import Bus, Message, Will

PATIENCE_S = 15.0
"""How long a test waits for what must happen; nothing is ever waited for that must not."""

ROOT = "pioreactor/unit1/exp"


class Inbox:
    """A callback that remembers what it heard, and can be waited for."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._changed = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]

    def wait_for(self, count: int) -> list[Message]:
        """Wait until at least `count` messages have come."""
        return self.wait_until(lambda: len(self.messages) >= count)

    def wait_for_payload(self, payload: bytes) -> list[Message]:
        return self.wait_until(lambda: payload in self.payloads)

    def wait_until(self, condition: Callable[[], bool]) -> list[Message]:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE_S), f"heard only {self.messages!r:.500}"
        return self.messages


class Moods:
    """A listener for the connection, that can be waited for."""

    def __init__(self) -> None:
        self.heard: list[bool] = []
        self._changed = threading.Condition()

    def __call__(self, connected: bool) -> None:
        with self._changed:
            self.heard.append(connected)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[bool]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.heard) >= count, PATIENCE_S), f"heard only {self.heard}"
        return self.heard


class BusUnderTest(Protocol):
    """A broker that can come and go, and clients of it that can crash. All buses are closed by the fixture."""

    def connect(self, client_name: str, *, will: Will | None = None) -> Bus: ...

    def crash(self, bus: Bus) -> None:
        """End a client as the death of its process would."""
        ...

    def stop(self) -> None: ...

    def start(self) -> None: ...


def settled(bus: Bus) -> Bus:
    """Wait until the broker knows all that the bus asked of it."""
    assert bus.flush(PATIENCE_S)
    return bus


class BusContract:
    """Provide a fixture `place` that is a running `BusUnderTest`."""

    @pytest.fixture
    def place(self) -> BusUnderTest:
        raise LookupError("the class that inherits this contract provides the broker")

    def listening(self, place: BusUnderTest, topic_filter: str, name: str = "listener") -> tuple[Bus, Inbox]:
        bus, inbox = place.connect(name), Inbox()
        bus.subscribe(topic_filter, inbox)
        return settled(bus), inbox

    # delivery ---------------------------------------------------------------------------------------------------------

    def test_a_message_reaches_its_subscriber(self, place: BusUnderTest) -> None:
        _, inbox = self.listening(place, f"{ROOT}/stirring/target_rpm")
        place.connect("speaker").publish(f"{ROOT}/stirring/target_rpm", b"500")
        (message,) = inbox.wait_for(1)
        assert (message.topic, message.payload, message.retain) == (f"{ROOT}/stirring/target_rpm", b"500", False)

    def test_a_bus_hears_itself(self, place: BusUnderTest) -> None:
        bus, inbox = self.listening(place, f"{ROOT}/a")
        bus.publish(f"{ROOT}/a", "text is sent as UTF-8: µ")
        assert inbox.wait_for(1)[0].payload.decode() == "text is sent as UTF-8: µ"

    def test_an_empty_message_is_delivered(self, place: BusUnderTest) -> None:
        _, inbox = self.listening(place, f"{ROOT}/a")
        place.connect("speaker").publish(f"{ROOT}/a")
        assert inbox.wait_for(1)[0].payload == b""

    def test_bytes_that_are_no_text_arrive_unchanged(self, place: BusUnderTest) -> None:
        _, inbox = self.listening(place, f"{ROOT}/a")
        place.connect("speaker").publish(f"{ROOT}/a", bytes(range(256)))
        assert inbox.wait_for(1)[0].payload == bytes(range(256))

    def test_a_megabyte_arrives_unchanged(self, place: BusUnderTest) -> None:
        _, inbox = self.listening(place, f"{ROOT}/a")
        payload = b"0123456789abcdef" * 65_536
        place.connect("speaker").publish(f"{ROOT}/a", payload)
        assert inbox.wait_for(1)[0].payload == payload

    @pytest.mark.parametrize("qos", [0, 1, 2])
    def test_messages_of_one_sender_arrive_in_order_and_complete(self, place: BusUnderTest, qos: int) -> None:
        _, inbox = self.listening(place, f"{ROOT}/#")
        speaker = settled(place.connect("speaker"))
        sent = [str(number).encode() for number in range(500)]
        settled_first = Inbox()
        speaker.subscribe(f"{ROOT}/ready", settled_first)
        speaker.publish(f"{ROOT}/ready", b"go")
        settled_first.wait_for(1)
        for payload in sent:
            speaker.publish(f"{ROOT}/a", payload, qos=qos)
        inbox.wait_for_payload(b"499")
        assert [payload for payload in inbox.payloads if payload != b"go"] == sent

    def test_every_value_of_a_retained_topic_arrives_while_connected(self, place: BusUnderTest) -> None:
        bus, inbox = self.listening(place, f"{ROOT}/a")
        for number in range(100):
            bus.publish(f"{ROOT}/a", str(number), retain=True)
        assert [int(message.payload) for message in inbox.wait_for(100)] == list(range(100))

    @pytest.mark.parametrize(
        ("topic_filter", "matches"),
        [
            ("pioreactor/+/exp/a", True),
            ("pioreactor/#", True),
            ("pioreactor/unit1/exp/a/#", True),
            ("#", True),
            ("pioreactor/+/a", False),
            ("pioreactor/unit1/exp/a/+", False),
            ("pioreactor/unit2/#", False),
        ],
    )
    def test_wildcards(self, place: BusUnderTest, topic_filter: str, matches: bool) -> None:
        bus, inbox = self.listening(place, topic_filter)
        marker = Inbox()
        bus.subscribe("pioreactor/marker", marker)
        settled(bus)
        speaker = place.connect("speaker")
        speaker.publish(f"{ROOT}/a", b"1")
        speaker.publish("pioreactor/marker", b"end")
        marker.wait_for(1)
        assert (b"1" in inbox.payloads) == matches

    def test_overlapping_subscriptions_hear_each_message_once(self, place: BusUnderTest) -> None:
        bus, narrow, wide = place.connect("listener"), Inbox(), Inbox()
        bus.subscribe(f"{ROOT}/a", narrow)
        bus.subscribe(f"{ROOT}/#", wide)
        settled(bus)
        speaker = place.connect("speaker")
        speaker.publish(f"{ROOT}/a", b"1")
        speaker.publish(f"{ROOT}/a", b"2")
        wide.wait_for_payload(b"2")
        narrow.wait_for_payload(b"2")
        assert narrow.payloads == wide.payloads == [b"1", b"2"]

    def test_what_a_callback_publishes_is_delivered(self, place: BusUnderTest) -> None:
        bus, answers = self.listening(place, f"{ROOT}/answer")
        bus.subscribe(f"{ROOT}/question", lambda message: bus.publish(f"{ROOT}/answer", message.payload))
        settled(bus)
        place.connect("speaker").publish(f"{ROOT}/question", b"42")
        assert answers.wait_for(1)[0].payload == b"42"

    def test_a_failing_callback_harms_nobody(self, place: BusUnderTest, caplog: pytest.LogCaptureFixture) -> None:
        bus = place.connect("listener")

        def fail(message: Message) -> None:
            raise RuntimeError(f"a mistake in a plugin that heard {message.topic}")

        inbox = Inbox()
        bus.subscribe(f"{ROOT}/a", fail)
        bus.subscribe(f"{ROOT}/a", inbox)
        settled(bus)
        speaker = place.connect("speaker")
        speaker.publish(f"{ROOT}/a", b"1")
        speaker.publish(f"{ROOT}/a", b"2")
        inbox.wait_for_payload(b"2")
        assert inbox.payloads == [b"1", b"2"]
        assert "a mistake in a plugin" in caplog.text

    def test_a_cancelled_subscription_hears_nothing_more(self, place: BusUnderTest) -> None:
        bus, stays, leaves = place.connect("listener"), Inbox(), Inbox()
        bus.subscribe(f"{ROOT}/a", stays)
        subscription = bus.subscribe(f"{ROOT}/a", leaves)
        settled(bus)
        speaker = place.connect("speaker")
        speaker.publish(f"{ROOT}/a", b"1")
        stays.wait_for_payload(b"1")
        subscription.cancel()
        subscription.cancel()
        speaker.publish(f"{ROOT}/a", b"2")
        stays.wait_for_payload(b"2")
        assert leaves.payloads == [b"1"]

    def test_malformed_topics_are_refused_at_once(self, place: BusUnderTest) -> None:
        bus = place.connect("listener")
        for topic in ("", "a/+/b", "a/#", "a\0b"):
            with pytest.raises(InvalidRequestError):
                bus.publish(topic, b"1")
        for topic_filter in ("", "a/#/b", "a/b+", "a#"):
            with pytest.raises(InvalidRequestError):
                bus.subscribe(topic_filter, Inbox())

    # what is retained -------------------------------------------------------------------------------------------------

    def test_a_later_subscriber_gets_the_newest_retained_value(self, place: BusUnderTest) -> None:
        speaker = place.connect("speaker")
        speaker.publish(f"{ROOT}/a", b"1", retain=True)
        speaker.publish(f"{ROOT}/a", b"2", retain=True)
        settled(speaker)
        _, inbox = self.listening(place, f"{ROOT}/+")
        assert [(message.payload, message.retain) for message in inbox.wait_for(1)] == [(b"2", True)]
        speaker.publish(f"{ROOT}/a", b"3", retain=True)
        assert [(message.payload, message.retain) for message in inbox.wait_for(2)][1] == (b"3", False)

    def test_a_second_callback_of_the_same_bus_gets_the_retained_value_too(self, place: BusUnderTest) -> None:
        settled_speaker = place.connect("speaker")
        settled_speaker.publish(f"{ROOT}/a", b"1", retain=True)
        settled(settled_speaker)
        bus, first = self.listening(place, f"{ROOT}/a")
        first.wait_for(1)
        second = Inbox()
        bus.subscribe(f"{ROOT}/a", second)
        assert second.wait_for(1)[0].retain

    def test_what_is_not_retained_is_gone(self, place: BusUnderTest) -> None:
        speaker = place.connect("speaker")
        speaker.publish(f"{ROOT}/a", b"1")
        settled(speaker)
        _, inbox = self.listening(place, f"{ROOT}/#")
        speaker.publish(f"{ROOT}/a", b"2")
        inbox.wait_for_payload(b"2")
        assert inbox.payloads == [b"2"]

    def test_an_empty_retained_message_clears_the_topic(self, place: BusUnderTest) -> None:
        speaker = place.connect("speaker")
        speaker.publish(f"{ROOT}/a", b"1", retain=True)
        speaker.publish(f"{ROOT}/b", b"stays", retain=True)
        speaker.publish(f"{ROOT}/a", b"", retain=True)
        settled(speaker)
        _, inbox = self.listening(place, f"{ROOT}/#")
        assert inbox.wait_for_payload(b"stays")
        assert [message.topic for message in inbox.messages] == [f"{ROOT}/b"]

    # wills ------------------------------------------------------------------------------------------------------------

    def test_a_crash_sends_the_will_and_retains_it(self, place: BusUnderTest) -> None:
        _, inbox = self.listening(place, f"{ROOT}/stirring/$state")
        job = settled(place.connect("stirring", will=Will(f"{ROOT}/stirring/$state", b"lost")))
        job.publish(f"{ROOT}/stirring/$state", b"ready", retain=True)
        inbox.wait_for_payload(b"ready")
        place.crash(job)
        inbox.wait_for_payload(b"lost")
        _, later = self.listening(place, f"{ROOT}/stirring/$state", "later")
        assert later.wait_for(1)[0].payload == b"lost"

    def test_a_close_sends_what_waits_and_no_will(self, place: BusUnderTest) -> None:
        _, inbox = self.listening(place, f"{ROOT}/stirring/#")
        job = settled(place.connect("stirring", will=Will(f"{ROOT}/stirring/$state", b"lost")))
        for number in range(50):
            job.publish(f"{ROOT}/stirring/a", str(number))
        job.close()
        job.close()
        place.connect("other").publish(f"{ROOT}/stirring/end", b"end")
        inbox.wait_for_payload(b"end")
        assert inbox.payloads == [str(number).encode() for number in range(50)] + [b"end"]

    def test_a_short_life_still_says_what_it_has_to_say(self, place: BusUnderTest) -> None:
        _, inbox = self.listening(place, f"{ROOT}/a")
        brief = place.connect("command")
        brief.publish(f"{ROOT}/a", b"1")
        brief.close()
        assert inbox.wait_for(1)[0].payload == b"1"

    def test_after_close_nothing_is_said_and_nothing_raises(self, place: BusUnderTest) -> None:
        _, inbox = self.listening(place, f"{ROOT}/a")
        closed = settled(place.connect("closed"))
        closed.close()
        closed.publish(f"{ROOT}/a", b"too late")
        assert not closed.is_connected()
        place.connect("other").publish(f"{ROOT}/a", b"end")
        inbox.wait_for_payload(b"end")
        assert inbox.payloads == [b"end"]

    # brokers come and go ----------------------------------------------------------------------------------------------

    def test_what_is_published_while_the_broker_is_away_arrives_when_it_comes(self, place: BusUnderTest) -> None:
        place.stop()
        bus, inbox = place.connect("early"), Inbox()
        bus.subscribe(f"{ROOT}/#", inbox)
        bus.publish(f"{ROOT}/a", b"old", retain=True)
        bus.publish(f"{ROOT}/event", b"1")
        bus.publish(f"{ROOT}/a", b"new", retain=True)
        bus.publish(f"{ROOT}/event", b"2")
        assert not bus.is_connected()
        assert not bus.flush(0.01)
        place.start()
        inbox.wait_until(lambda: {b"new", b"1", b"2"} <= set(inbox.payloads))
        assert b"old" not in inbox.payloads
        assert inbox.payloads.index(b"1") < inbox.payloads.index(b"2")
        assert bus.is_connected()
        _, later = self.listening(place, f"{ROOT}/a", "later")
        assert later.wait_for(1)[0].payload == b"new"

    def test_subscriptions_outlive_the_broker(self, place: BusUnderTest) -> None:
        bus, inbox = self.listening(place, f"{ROOT}/+")
        moods = Moods()
        bus.on_connection(moods)
        place.stop()
        assert moods.wait_for(1) == [False]
        assert not bus.is_connected()
        place.start()
        assert moods.wait_for(2) == [False, True]
        assert bus.is_connected()
        settled(bus)
        place.connect("speaker").publish(f"{ROOT}/a", b"again")
        inbox.wait_for_payload(b"again")

    def test_retained_values_outlive_the_broker(self, place: BusUnderTest) -> None:
        speaker = place.connect("speaker")
        speaker.publish(f"{ROOT}/a", b"kept", retain=True)
        settled(speaker)
        speaker.close()
        place.stop()
        place.start()
        _, inbox = self.listening(place, f"{ROOT}/a")
        assert inbox.wait_for(1)[0].payload == b"kept"

    def test_an_orderly_close_is_no_loss(self, place: BusUnderTest) -> None:
        bus, moods = settled(place.connect("job")), Moods()
        self.listening(place, f"{ROOT}/ready")
        bus.on_connection(moods)
        bus.close()
        assert False not in moods.heard

    def test_a_cancelled_connection_listener_hears_nothing_more(self, place: BusUnderTest) -> None:
        bus, gone, stays = settled(place.connect("job")), Moods(), Moods()
        # a subscription makes sure that the connection is up before it is lost
        bus.subscribe(f"{ROOT}/a", Inbox())
        settled(bus)
        cancelled = bus.on_connection(gone)
        bus.on_connection(stays)
        cancelled.cancel()
        place.stop()
        stays.wait_for(1)
        assert gone.heard == []

    def test_closing_without_a_broker_does_not_hang(self, place: BusUnderTest) -> None:
        place.stop()
        bus = place.connect("lonely", will=Will(f"{ROOT}/job/$state", b"lost"))
        bus.publish(f"{ROOT}/a", b"1")
        bus.close()
        assert not bus.is_connected()
