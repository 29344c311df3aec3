"""What every notifier must do, whichever service it speaks to."""

from __future__ import annotations

from typing import Protocol

import pytest

from pioreactor.alarms.records import Notice
from pioreactor.notifiers.ports import DeliveryError, Notifier

NOTICE = Notice(
    title="Stir bar does not turn (worker1)",
    text='HIGH  worker1: "Stir bar" {title} does not turn.\n.\nÄ °C 中',
    severity="high",
    link="http://lab.local/alarms",
)


class Receiver(Protocol):
    """The other side of a notifier, as a test sets it up."""

    @property
    def received(self) -> list[str]:
        """Texts of the messages that arrived, title included, in order."""
        ...

    def fail(self) -> None:
        """Fail as a server does that will be in order again."""
        ...


class RefusingReceiver(Receiver, Protocol):
    """One that can refuse messages."""

    def refuse(self) -> None:
        """Refuse messages for good from now on."""
        ...


class NotifierContract:
    """Provide the fixtures `notifier` and `receiver`."""

    def test_a_message_arrives_whole(self, notifier: Notifier, receiver: Receiver) -> None:
        notifier.send(NOTICE, delivery_id="lab-1")
        [text] = receiver.received
        for part in (NOTICE.title, *NOTICE.text.split("\n"), NOTICE.link):
            assert part in text

    def test_a_message_for_each_call(self, notifier: Notifier, receiver: Receiver) -> None:
        for number in range(3):
            notifier.send(NOTICE, delivery_id=f"lab-{number}")
        assert len(receiver.received) == 3

    def test_a_title_cannot_add_headers(self, notifier: Notifier, receiver: Receiver) -> None:
        title = "One\r\nBcc: other@example.org"
        notifier.send(Notice(title=title, text="Two", severity="low"), delivery_id="lab-1")
        assert len(receiver.received) == 1

    def test_a_failure_may_be_tried_again(self, notifier: Notifier, receiver: Receiver) -> None:
        receiver.fail()
        with pytest.raises(DeliveryError) as raised:
            notifier.send(NOTICE, delivery_id="lab-1")
        assert not raised.value.is_final


class RefusableNotifierContract(NotifierContract):
    """The contract of a notifier whose other side answers that it will never take a message."""

    def test_a_refusal_is_final(self, notifier: Notifier, receiver: RefusingReceiver) -> None:
        receiver.refuse()
        with pytest.raises(DeliveryError) as raised:
            notifier.send(NOTICE, delivery_id="lab-1")
        assert raised.value.is_final
        assert receiver.received == []
