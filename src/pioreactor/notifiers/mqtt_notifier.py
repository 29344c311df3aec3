"""Notifier that publishes to the broker of the cluster."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from pioreactor.alarms.records import Notice
from pioreactor.notifiers.ports import DeliveryError
from pioreactor.notifiers.webhook_presets import values_of

_FLUSH_S = 5.0


class PublishingBus(Protocol):
    """What is needed of a bus."""

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None: ...

    def is_connected(self) -> bool: ...

    def flush(self, timeout_s: float) -> bool: ...


class MqttNotifier:
    """`options` are those of the kind `mqtt`."""

    def __init__(self, options: Mapping[str, str], bus: PublishingBus) -> None:
        self._topic = options["topic"]
        self._bus = bus

    def send(self, notice: Notice, *, delivery_id: str) -> None:
        if any(character in self._topic for character in "+#$") or not self._topic.strip("/"):
            raise DeliveryError(f"{self._topic[:60]!r} is not a topic to publish on", is_final=True)
        if not self._bus.is_connected():
            raise DeliveryError("the broker is not connected")
        self._bus.publish(self._topic, msgspec.json.encode(values_of(notice, delivery_id)), qos=1)
        if not self._bus.flush(_FLUSH_S):
            raise DeliveryError("the broker did not confirm the message: it may have arrived", is_final=True)
