"""The contract of notifiers, by each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import pytest
from tests.unit.notifiers.servers import MailServer, WebhookServer, mail_server, webhook_server

from pioreactor.alarms.channels import ChannelKind
from pioreactor.notifiers.email_notifier import EmailNotifier
from pioreactor.notifiers.mqtt_notifier import MqttNotifier
from pioreactor.notifiers.ports import DeliveryError, Notifier
from pioreactor.notifiers.webhook_notifier import WebhookNotifier
from pioreactor.testing.contracts.notifiers import NOTICE, NotifierContract, RefusableNotifierContract


def email_options(port: int) -> dict[str, str]:
    return {
        "host": "127.0.0.1",
        "port": str(port),
        "security": "none",
        "username": "",
        "password": "",
        "sender": "lab@example.org",
        "recipients": "ana@example.org, bo@example.org",
    }


class TestEmail(RefusableNotifierContract):
    @pytest.fixture
    def receiver(self) -> Iterator[MailServer]:
        with mail_server() as state:
            yield state

    @pytest.fixture
    def notifier(self, receiver: MailServer) -> Notifier:
        return EmailNotifier(email_options(receiver.port))


class TestWebhook(RefusableNotifierContract):
    kind: ChannelKind = "webhook"

    @pytest.fixture
    def receiver(self) -> Iterator[DecodedServer]:
        with webhook_server() as state:
            yield DecodedServer(state)

    @pytest.fixture
    def notifier(self, receiver: DecodedServer) -> Notifier:
        url = f"http://127.0.0.1:{receiver.server.port}/secret-path"
        return WebhookNotifier(self.kind, {"url": url}, allow_local=True, unix_s=lambda: 1000.0)


class TestSlack(TestWebhook):
    kind = "slack"


class TestTeams(TestWebhook):
    kind = "teams"


class TestDiscord(TestWebhook):
    kind = "discord"


class TestNtfy(TestWebhook):
    kind = "ntfy"


@dataclass
class DecodedServer:
    """A webhook server whose messages are the texts in the JSON that it got."""

    server: WebhookServer

    @property
    def received(self) -> list[str]:
        return ["\n".join(_texts(msgspec.json.decode(body))) for _, _, body in self.server.requests]

    def refuse(self) -> None:
        self.server.refuse()

    def fail(self) -> None:
        self.server.fail()


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [str(value)]


@dataclass
class SpyBroker:
    published: list[bytes] = field(default_factory=list)
    is_up: bool = True

    @property
    def received(self) -> list[str]:
        return ["\n".join(_texts(msgspec.json.decode(payload))) for payload in self.published]

    def fail(self) -> None:
        self.is_up = False

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        assert (topic, qos, retain) == ("lab/alarms", 1, False)
        self.published.append(payload if isinstance(payload, bytes) else payload.encode())

    def is_connected(self) -> bool:
        return self.is_up

    def flush(self, timeout_s: float) -> bool:
        return timeout_s > 0 and self.is_up


class TestMqtt(NotifierContract):
    @pytest.fixture
    def receiver(self) -> SpyBroker:
        return SpyBroker()

    @pytest.fixture
    def notifier(self, receiver: SpyBroker) -> Notifier:
        return MqttNotifier({"topic": "lab/alarms"}, receiver)

    def test_a_filter_is_no_topic(self, receiver: SpyBroker) -> None:
        with pytest.raises(DeliveryError):
            MqttNotifier({"topic": "lab/#"}, receiver).send(NOTICE, delivery_id="1")
