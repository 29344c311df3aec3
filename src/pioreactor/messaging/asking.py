"""Asks the broker for what it retains, and waits for the answer."""

from pioreactor.clock.ports import Clock
from pioreactor.messaging.ports import Bus, Message

_LISTENING_S = 10.0


def ask_retained(bus: Bus, topic_filter: str, *, clock: Clock, timeout_s: float) -> Message | None:
    """Return the first message on a topic, retained or live; None when none came within `timeout_s`."""
    answered = clock.signal()
    answers: list[Message] = []

    def hear(message: Message) -> None:
        answers.append(message)
        answered.set()

    subscription = bus.subscribe(topic_filter, hear)
    try:
        answered.wait(timeout_s)
    finally:
        subscription.cancel()
    return answers[0] if answers else None


def collect_retained(
    bus: Bus, topic_filter: str, *, clock: Clock, quiet_s: float = 0.1, timeout_s: float = _LISTENING_S
) -> dict[str, Message]:
    """Return what is retained below a filter, by topic, once no more has come for `quiet_s` (at most `timeout_s`).

    Without a connection nothing can be collected: the result is empty after `timeout_s`.
    """
    heard = clock.signal()
    found: dict[str, Message] = {}

    def hear(message: Message) -> None:
        if message.retain:
            found[message.topic] = message
            heard.set()

    give_up_at = clock.monotonic() + timeout_s
    subscription = bus.subscribe(topic_filter, hear)
    try:
        bus.flush(timeout_s)
        while (left_s := give_up_at - clock.monotonic()) > 0 and heard.wait(min(quiet_s, left_s)):
            heard.clear()
    finally:
        subscription.cancel()
    return found
