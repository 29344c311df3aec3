"""MQTT client exposed to plugins as `pub_client`, `sub_client` and `mqtt_client`."""

from __future__ import annotations

from collections.abc import Callable

from pioreactor.messaging.ports import Bus


class PublishingClient:
    """Adapter that offers a job's connection under the method names of paho's client."""

    def __init__(self, publish: Callable[..., None], bus: Bus) -> None:
        self._publish = publish
        self._bus = bus

    def publish(self, topic: str, payload: object = None, qos: int = 0, retain: bool = False) -> None:
        self._publish(topic, payload, qos=qos, retain=retain)

    def is_connected(self) -> bool:
        return self._bus.is_connected()
