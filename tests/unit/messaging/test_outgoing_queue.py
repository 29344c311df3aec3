"""What waits for the broker: bounded, in order, and never an old value after a new one."""

from pioreactor.messaging.outgoing_queue import OutgoingMessage, OutgoingQueue


def value(payload: str, topic: str = "t") -> OutgoingMessage:
    return OutgoingMessage(topic, payload.encode(), 1, True)


def event(payload: str, topic: str = "e") -> OutgoingMessage:
    return OutgoingMessage(topic, payload.encode(), 1, False)


def drain(queue: OutgoingQueue) -> list[str]:
    taken = []
    while (outgoing := queue.take()) is not None:
        taken.append(outgoing.payload.decode())
    return taken


def test_offline_only_the_newest_retained_value_is_kept() -> None:
    queue = OutgoingQueue()
    for outgoing in (value("old"), event("1"), value("other", "u"), value("new")):
        queue.put(outgoing)
    assert drain(queue) == ["1", "other", "new"]
    assert len(queue) == 0


def test_online_every_value_is_kept() -> None:
    queue = OutgoingQueue(online=True)
    for payload in "abc":
        queue.put(value(payload))
    assert drain(queue) == ["a", "b", "c"]


def test_on_a_stalled_link_old_retained_values_are_dropped() -> None:
    queue = OutgoingQueue(max_events=10, online=True)
    for number in range(1000):
        queue.put(value(str(number)))
    taken = drain(queue)
    assert len(taken) <= 11
    assert taken[-1] == "999"
    assert taken == sorted(taken, key=int)


def test_the_oldest_events_are_dropped_and_counted() -> None:
    queue = OutgoingQueue(max_events=3)
    queue.put(value("kept"))
    for payload in "12345":
        queue.put(event(payload))
    assert drain(queue) == ["kept", "3", "4", "5"]
    assert queue.dropped == 2


def test_events_are_bounded_in_bytes_too_but_the_newest_is_always_kept() -> None:
    queue = OutgoingQueue(max_event_bytes=10)
    queue.put(event("12345678"))
    queue.put(event("1234567890123"))
    assert drain(queue) == ["1234567890123"]
    assert queue.dropped == 1


def test_after_a_loss_unacknowledged_messages_come_first_unless_a_newer_value_is_queued() -> None:
    queue = OutgoingQueue(online=True)
    queue.put(event("2"))
    queue.put(value("new"))
    queue.lose_connection([value("old"), event("1"), value("alone", "u")])
    assert drain(queue) == ["1", "alone", "2", "new"]


def test_counters_are_right_after_taking_all_messages() -> None:
    queue = OutgoingQueue(max_event_bytes=10)
    for _ in range(5):
        queue.put(event("123456"))
        assert queue.take() is not None
        queue.lose_connection([])
    assert queue.dropped == 0
    assert queue.take() is None
