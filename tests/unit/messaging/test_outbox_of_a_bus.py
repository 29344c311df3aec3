"""What waits for the broker: bounded, in order, and never an old value after a new one."""

from pioreactor.messaging.outgoing_queue import Outbox, Outgoing


def value(payload: str, topic: str = "t") -> Outgoing:
    return Outgoing(topic, payload.encode(), 1, True)


def event(payload: str, topic: str = "e") -> Outgoing:
    return Outgoing(topic, payload.encode(), 1, False)


def drain(outbox: Outbox) -> list[str]:
    taken = []
    while (outgoing := outbox.take()) is not None:
        taken.append(outgoing.payload.decode())
    return taken


def test_offline_the_newest_retained_value_takes_the_place_of_its_publication() -> None:
    outbox = Outbox()
    for outgoing in (value("old"), event("1"), value("other", "u"), value("new")):
        outbox.put(outgoing)
    assert drain(outbox) == ["1", "other", "new"]
    assert len(outbox) == 0


def test_online_every_value_is_kept() -> None:
    outbox = Outbox(online=True)
    for payload in "abc":
        outbox.put(value(payload))
    assert drain(outbox) == ["a", "b", "c"]


def test_a_stalled_link_does_not_fill_the_memory_with_old_values() -> None:
    outbox = Outbox(most_events=10, online=True)
    for number in range(1000):
        outbox.put(value(str(number)))
    taken = drain(outbox)
    assert len(taken) <= 11
    assert taken[-1] == "999"
    assert taken == sorted(taken, key=int)


def test_of_too_many_events_the_oldest_are_dropped_and_counted() -> None:
    outbox = Outbox(most_events=3)
    outbox.put(value("kept"))
    for payload in "12345":
        outbox.put(event(payload))
    assert drain(outbox) == ["kept", "3", "4", "5"]
    assert outbox.dropped == 2


def test_events_are_bounded_in_bytes_too_but_the_newest_is_always_kept() -> None:
    outbox = Outbox(most_event_bytes=10)
    outbox.put(event("12345678"))
    outbox.put(event("1234567890123"))
    assert drain(outbox) == ["1234567890123"]
    assert outbox.dropped == 1


def test_after_a_loss_the_unacknowledged_comes_first_unless_a_newer_value_waits() -> None:
    outbox = Outbox(online=True)
    outbox.put(event("2"))
    outbox.put(value("new"))
    outbox.lose_connection([value("old"), event("1"), value("alone", "u")])
    assert drain(outbox) == ["1", "alone", "2", "new"]


def test_numbers_and_bytes_are_right_after_everything_was_taken() -> None:
    outbox = Outbox(most_event_bytes=10)
    for _ in range(5):
        outbox.put(event("123456"))
        assert outbox.take() is not None
        outbox.lose_connection([])
    assert outbox.dropped == 0
    assert outbox.take() is None
