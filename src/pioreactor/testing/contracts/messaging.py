"""The contract of every message bus, whichever broker is behind it."""

import threading
from collections.abc import Callable
from typing import Protocol

import pytest

from pioreactor.exc import InvalidRequestError
from pioreactor.messaging.ports import Bus, Message, Will

TIMEOUT_S = 15.0
"""How long a test waits for an event that must happen."""

ROOT = "pioreactor/unit1/exp"


class Inbox:
    """A callback that keeps its messages and can be waited for."""

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
            assert self._changed.wait_for(condition, TIMEOUT_S), f"received only {self.messages!r:.500}"
        return self.messages


class ConnectionRecorder:
    """A callback for connection changes that can be waited for."""

    def __init__(self) -> None:
        self.received: list[bool] = []
        self._changed = threading.Condition()

    def __call__(self, connected: bool) -> None:
        with self._changed:
            self.received.append(connected)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[bool]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, TIMEOUT_S), self.received
        return self.received


class BrokerUnderTest(Protocol):
    """A broker that can be stopped and started, and clients that can crash. The fixture closes all buses."""

    def connect(self, client_name: str, *, will: Will | None = None) -> Bus: ...

    def crash(self, bus: Bus) -> None:
        """Disconnect a client as a crash of its process would."""
        ...

    def stop(self) -> None: ...

    def start(self) -> None: ...


def flushed(bus: Bus) -> Bus:
    """Wait until the broker has acknowledged everything, and return the bus."""
    assert bus.flush(TIMEOUT_S)
    return bus


class BusContract:
    """Tests to inherit. Provide a fixture `broker` that is a running `BrokerUnderTest`."""

    @pytest.fixture
    def broker(self) -> BrokerUnderTest:
        raise LookupError("the class that inherits this contract provides a broker")

    def listening(self, broker: BrokerUnderTest, topic_filter: str, name: str = "subscriber") -> tuple[Bus, Inbox]:
        bus, inbox = broker.connect(name), Inbox()
        bus.subscribe(topic_filter, inbox)
        return flushed(bus), inbox

    # delivery ---------------------------------------------------------------------------------------------------------

    def test_a_message_reaches_its_subscriber(self, broker: BrokerUnderTest) -> None:
        _, inbox = self.listening(broker, f"{ROOT}/stirring/target_rpm")
        broker.connect("publisher").publish(f"{ROOT}/stirring/target_rpm", b"500")
        (message,) = inbox.wait_for(1)
        assert (message.topic, message.payload, message.retain) == (f"{ROOT}/stirring/target_rpm", b"500", False)

    def test_a_bus_receives_its_own_messages(self, broker: BrokerUnderTest) -> None:
        bus, inbox = self.listening(broker, f"{ROOT}/a")
        bus.publish(f"{ROOT}/a", "text is sent as UTF-8: µ")
        assert inbox.wait_for(1)[0].payload.decode() == "text is sent as UTF-8: µ"

    def test_an_empty_message_is_delivered(self, broker: BrokerUnderTest) -> None:
        _, inbox = self.listening(broker, f"{ROOT}/a")
        broker.connect("publisher").publish(f"{ROOT}/a")
        assert inbox.wait_for(1)[0].payload == b""

    def test_binary_payloads_arrive_unchanged(self, broker: BrokerUnderTest) -> None:
        _, inbox = self.listening(broker, f"{ROOT}/a")
        broker.connect("publisher").publish(f"{ROOT}/a", bytes(range(256)))
        assert inbox.wait_for(1)[0].payload == bytes(range(256))

    def test_a_megabyte_arrives_unchanged(self, broker: BrokerUnderTest) -> None:
        _, inbox = self.listening(broker, f"{ROOT}/a")
        payload = b"0123456789abcdef" * 65_536
        broker.connect("publisher").publish(f"{ROOT}/a", payload)
        assert inbox.wait_for(1)[0].payload == payload

    @pytest.mark.parametrize("qos", [0, 1, 2])
    def test_messages_of_one_publisher_arrive_in_order_and_complete(self, broker: BrokerUnderTest, qos: int) -> None:
        _, inbox = self.listening(broker, f"{ROOT}/#")
        publisher = flushed(broker.connect("publisher"))
        sent = [str(number).encode() for number in range(500)]
        settled_first = Inbox()
        publisher.subscribe(f"{ROOT}/ready", settled_first)
        publisher.publish(f"{ROOT}/ready", b"go")
        settled_first.wait_for(1)
        for payload in sent:
            publisher.publish(f"{ROOT}/a", payload, qos=qos)
        inbox.wait_for_payload(b"499")
        assert [payload for payload in inbox.payloads if payload != b"go"] == sent

    def test_every_value_of_a_retained_topic_arrives_while_connected(self, broker: BrokerUnderTest) -> None:
        bus, inbox = self.listening(broker, f"{ROOT}/a")
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
    def test_wildcards(self, broker: BrokerUnderTest, topic_filter: str, matches: bool) -> None:
        bus, inbox = self.listening(broker, topic_filter)
        marker = Inbox()
        bus.subscribe("pioreactor/marker", marker)
        flushed(bus)
        publisher = broker.connect("publisher")
        publisher.publish(f"{ROOT}/a", b"1")
        publisher.publish("pioreactor/marker", b"end")
        marker.wait_for(1)
        assert (b"1" in inbox.payloads) == matches

    def test_overlapping_subscriptions_receive_each_message_once(self, broker: BrokerUnderTest) -> None:
        bus, narrow, wide = broker.connect("subscriber"), Inbox(), Inbox()
        bus.subscribe(f"{ROOT}/a", narrow)
        bus.subscribe(f"{ROOT}/#", wide)
        flushed(bus)
        publisher = broker.connect("publisher")
        publisher.publish(f"{ROOT}/a", b"1")
        publisher.publish(f"{ROOT}/a", b"2")
        wide.wait_for_payload(b"2")
        narrow.wait_for_payload(b"2")
        assert narrow.payloads == wide.payloads == [b"1", b"2"]

    def test_messages_published_by_a_callback_are_delivered(self, broker: BrokerUnderTest) -> None:
        bus, answers = self.listening(broker, f"{ROOT}/answer")
        bus.subscribe(f"{ROOT}/question", lambda message: bus.publish(f"{ROOT}/answer", message.payload))
        flushed(bus)
        broker.connect("publisher").publish(f"{ROOT}/question", b"42")
        assert answers.wait_for(1)[0].payload == b"42"

    def test_a_failing_callback_affects_no_others(
        self, broker: BrokerUnderTest, caplog: pytest.LogCaptureFixture
    ) -> None:
        bus = broker.connect("subscriber")

        def fail(message: Message) -> None:
            raise RuntimeError(f"a mistake in a plugin that received {message.topic}")

        inbox = Inbox()
        bus.subscribe(f"{ROOT}/a", fail)
        bus.subscribe(f"{ROOT}/a", inbox)
        flushed(bus)
        publisher = broker.connect("publisher")
        publisher.publish(f"{ROOT}/a", b"1")
        publisher.publish(f"{ROOT}/a", b"2")
        inbox.wait_for_payload(b"2")
        assert inbox.payloads == [b"1", b"2"]
        assert "a mistake in a plugin" in caplog.text

    def test_a_canceled_subscription_receives_nothing(self, broker: BrokerUnderTest) -> None:
        bus, stays, leaves = broker.connect("subscriber"), Inbox(), Inbox()
        bus.subscribe(f"{ROOT}/a", stays)
        subscription = bus.subscribe(f"{ROOT}/a", leaves)
        flushed(bus)
        publisher = broker.connect("publisher")
        publisher.publish(f"{ROOT}/a", b"1")
        stays.wait_for_payload(b"1")
        subscription.cancel()
        subscription.cancel()
        publisher.publish(f"{ROOT}/a", b"2")
        stays.wait_for_payload(b"2")
        assert leaves.payloads == [b"1"]

    def test_malformed_topics_are_refused_at_once(self, broker: BrokerUnderTest) -> None:
        bus = broker.connect("subscriber")
        for topic in ("", "a/+/b", "a/#", "a\0b"):
            with pytest.raises(InvalidRequestError):
                bus.publish(topic, b"1")
        for topic_filter in ("", "a/#/b", "a/b+", "a#"):
            with pytest.raises(InvalidRequestError):
                bus.subscribe(topic_filter, Inbox())

    # what is retained -------------------------------------------------------------------------------------------------

    def test_a_later_subscriber_gets_the_newest_retained_value(self, broker: BrokerUnderTest) -> None:
        publisher = broker.connect("publisher")
        publisher.publish(f"{ROOT}/a", b"1", retain=True)
        publisher.publish(f"{ROOT}/a", b"2", retain=True)
        flushed(publisher)
        _, inbox = self.listening(broker, f"{ROOT}/+")
        assert [(message.payload, message.retain) for message in inbox.wait_for(1)] == [(b"2", True)]
        publisher.publish(f"{ROOT}/a", b"3", retain=True)
        assert [(message.payload, message.retain) for message in inbox.wait_for(2)][1] == (b"3", False)

    def test_a_second_callback_of_the_same_bus_gets_the_retained_value_too(self, broker: BrokerUnderTest) -> None:
        settled_speaker = broker.connect("publisher")
        settled_speaker.publish(f"{ROOT}/a", b"1", retain=True)
        flushed(settled_speaker)
        bus, first = self.listening(broker, f"{ROOT}/a")
        first.wait_for(1)
        second = Inbox()
        bus.subscribe(f"{ROOT}/a", second)
        assert second.wait_for(1)[0].retain

    def test_messages_that_are_not_retained_are_not_repeated(self, broker: BrokerUnderTest) -> None:
        publisher = broker.connect("publisher")
        publisher.publish(f"{ROOT}/a", b"1")
        flushed(publisher)
        _, inbox = self.listening(broker, f"{ROOT}/#")
        publisher.publish(f"{ROOT}/a", b"2")
        inbox.wait_for_payload(b"2")
        assert inbox.payloads == [b"2"]

    def test_an_empty_retained_message_clears_the_topic(self, broker: BrokerUnderTest) -> None:
        publisher = broker.connect("publisher")
        publisher.publish(f"{ROOT}/a", b"1", retain=True)
        publisher.publish(f"{ROOT}/b", b"stays", retain=True)
        publisher.publish(f"{ROOT}/a", b"", retain=True)
        flushed(publisher)
        _, inbox = self.listening(broker, f"{ROOT}/#")
        assert inbox.wait_for_payload(b"stays")
        assert [message.topic for message in inbox.messages] == [f"{ROOT}/b"]

    # wills ------------------------------------------------------------------------------------------------------------

    def test_a_crash_publishes_the_will_retained(self, broker: BrokerUnderTest) -> None:
        _, inbox = self.listening(broker, f"{ROOT}/stirring/$state")
        job = flushed(broker.connect("stirring", will=Will(f"{ROOT}/stirring/$state", b"lost")))
        job.publish(f"{ROOT}/stirring/$state", b"ready", retain=True)
        inbox.wait_for_payload(b"ready")
        broker.crash(job)
        inbox.wait_for_payload(b"lost")
        _, later = self.listening(broker, f"{ROOT}/stirring/$state", "later")
        assert later.wait_for(1)[0].payload == b"lost"

    def test_close_sends_queued_messages_and_no_will(self, broker: BrokerUnderTest) -> None:
        _, inbox = self.listening(broker, f"{ROOT}/stirring/#")
        job = flushed(broker.connect("stirring", will=Will(f"{ROOT}/stirring/$state", b"lost")))
        for number in range(50):
            job.publish(f"{ROOT}/stirring/a", str(number))
        job.close()
        job.close()
        broker.connect("other").publish(f"{ROOT}/stirring/end", b"end")
        inbox.wait_for_payload(b"end")
        assert inbox.payloads == [str(number).encode() for number in range(50)] + [b"end"]

    def test_close_right_after_publish_sends_the_message(self, broker: BrokerUnderTest) -> None:
        _, inbox = self.listening(broker, f"{ROOT}/a")
        brief = broker.connect("command")
        brief.publish(f"{ROOT}/a", b"1")
        brief.close()
        assert inbox.wait_for(1)[0].payload == b"1"

    def test_publish_after_close_is_dropped(self, broker: BrokerUnderTest) -> None:
        _, inbox = self.listening(broker, f"{ROOT}/a")
        closed = flushed(broker.connect("closed"))
        closed.close()
        closed.publish(f"{ROOT}/a", b"too late")
        assert not closed.is_connected()
        broker.connect("other").publish(f"{ROOT}/a", b"end")
        inbox.wait_for_payload(b"end")
        assert inbox.payloads == [b"end"]

    # brokers come and go ----------------------------------------------------------------------------------------------

    def test_messages_published_before_the_broker_starts_arrive_afterwards(self, broker: BrokerUnderTest) -> None:
        broker.stop()
        bus, inbox = broker.connect("early"), Inbox()
        bus.subscribe(f"{ROOT}/#", inbox)
        bus.publish(f"{ROOT}/a", b"old", retain=True)
        bus.publish(f"{ROOT}/event", b"1")
        bus.publish(f"{ROOT}/a", b"new", retain=True)
        bus.publish(f"{ROOT}/event", b"2")
        assert not bus.is_connected()
        assert not bus.flush(0.01)
        broker.start()
        inbox.wait_until(lambda: {b"new", b"1", b"2"} <= set(inbox.payloads))
        assert b"old" not in inbox.payloads
        assert inbox.payloads.index(b"1") < inbox.payloads.index(b"2")
        assert bus.is_connected()
        _, later = self.listening(broker, f"{ROOT}/a", "later")
        assert later.wait_for(1)[0].payload == b"new"

    def test_subscriptions_are_renewed_after_a_broker_restart(self, broker: BrokerUnderTest) -> None:
        bus, inbox = self.listening(broker, f"{ROOT}/+")
        connections = ConnectionRecorder()
        bus.on_connection(connections)
        broker.stop()
        assert connections.wait_for(1) == [False]
        assert not bus.is_connected()
        broker.start()
        assert connections.wait_for(2) == [False, True]
        assert bus.is_connected()
        flushed(bus)
        broker.connect("publisher").publish(f"{ROOT}/a", b"again")
        inbox.wait_for_payload(b"again")

    def test_retained_values_survive_a_broker_restart(self, broker: BrokerUnderTest) -> None:
        publisher = broker.connect("publisher")
        publisher.publish(f"{ROOT}/a", b"kept", retain=True)
        flushed(publisher)
        publisher.close()
        broker.stop()
        broker.start()
        _, inbox = self.listening(broker, f"{ROOT}/a")
        assert inbox.wait_for(1)[0].payload == b"kept"

    def test_close_is_not_reported_as_a_loss(self, broker: BrokerUnderTest) -> None:
        bus, connections = flushed(broker.connect("job")), ConnectionRecorder()
        self.listening(broker, f"{ROOT}/ready")
        bus.on_connection(connections)
        bus.close()
        assert False not in connections.received

    def test_a_canceled_connection_callback_is_not_called(self, broker: BrokerUnderTest) -> None:
        bus, gone, stays = flushed(broker.connect("job")), ConnectionRecorder(), ConnectionRecorder()
        # a subscription makes sure that the connection is up before it is lost
        bus.subscribe(f"{ROOT}/a", Inbox())
        flushed(bus)
        canceled = bus.on_connection(gone)
        bus.on_connection(stays)
        canceled.cancel()
        broker.stop()
        stays.wait_for(1)
        assert gone.received == []

    def test_close_without_a_broker_returns(self, broker: BrokerUnderTest) -> None:
        broker.stop()
        bus = broker.connect("lonely", will=Will(f"{ROOT}/job/$state", b"lost"))
        bus.publish(f"{ROOT}/a", b"1")
        bus.close()
        assert not bus.is_connected()
