"""Messages over MQTT, and questions over HTTP, under the names plugins import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final

from pioreactor.http.units import TARGET_HEADER
from pioreactor.jobs.payloads import encode_payload
from pioreactor.messaging.ports import Bus, Message, Will
from pioreactor.runtime.context import current
from pioreactor.runtime.journaling_publisher import JournalingPublisher
from pioreactor.utils.asking import create_webserver_path as create_webserver_path
from pioreactor.utils.asking import delete_from as delete_from
from pioreactor.utils.asking import delete_from_leader as delete_from_leader
from pioreactor.utils.asking import delete_from_unit as delete_from_unit
from pioreactor.utils.asking import get_from as get_from
from pioreactor.utils.asking import get_from_leader as get_from_leader
from pioreactor.utils.asking import get_from_unit as get_from_unit
from pioreactor.utils.asking import patch_into as patch_into
from pioreactor.utils.asking import patch_into_leader as patch_into_leader
from pioreactor.utils.asking import patch_into_unit as patch_into_unit
from pioreactor.utils.asking import post_into as post_into
from pioreactor.utils.asking import post_into_leader as post_into_leader
from pioreactor.utils.asking import post_into_unit as post_into_unit
from pioreactor.utils.asking import put_into as put_into
from pioreactor.utils.asking import put_into_leader as put_into_leader
from pioreactor.utils.asking import put_into_unit as put_into_unit

TARGET_UNIT_HEADER: Final = TARGET_HEADER


class QOS(IntEnum):
    """How surely a message arrives."""

    AT_MOST_ONCE = 0
    AT_LEAST_ONCE = 1
    EXACTLY_ONCE = 2


class Client:
    """A connection to the broker, under the names of paho's. `shutdown` it when done."""

    def __init__(self, bus: Bus) -> None:
        runtime = current()
        self.bus = bus
        self.is_connected = bus.is_connected
        self._publisher = JournalingPublisher(bus, runtime.stores.journal(), runtime.clock)

    def publish(self, topic: str, payload: Any = None, qos: int = 0, retain: bool = False, **_ignored: Any) -> None:
        """Publish a message; what the database keeps is in the unit's journal first."""
        self._publisher.publish(topic, encode_payload(payload), qos=min(qos, 1), retain=retain)
        self._publisher.flush()

    def shutdown(self, *_ignored: Any) -> None:
        self.bus.flush(2.0)
        self.bus.close()

    loop_stop = disconnect = shutdown

    def __enter__(self) -> Client:
        return self

    __exit__ = shutdown


def create_client(hostname: str | None = None, last_will: Any = None, client_id: str = "", **_ignored: Any) -> Client:
    """Return a connection to this cluster's broker."""
    del hostname
    will = Will(last_will["topic"], encode_payload(last_will["payload"])) if last_will is not None else None
    return Client(current().buses.connect(client_id if client_id else "client", will=will))


def publish(topic: str, message: Any = None, qos: int = 0, retain: bool = False, **_ignored: Any) -> None:
    """Publish over a connection of its own, and wait up to 10 s until the broker has it."""
    client = create_client(client_id="publish")
    try:
        client.publish(topic, message, qos=qos, retain=retain)
        client.bus.flush(10.0)
    finally:
        client.bus.close()


def subscribe(
    topics: str | Sequence[str], timeout: float | None = None, allow_retained: bool = True, **_ignored: Any
) -> Message | None:
    """Wait for one message; None when none came within `timeout` seconds."""
    arrived = current().clock.signal()
    found: list[Message] = []

    def on_message(message: Message) -> None:
        found.append(message)
        arrived.set()

    client = subscribe_and_callback(on_message, topics, allow_retained=allow_retained)
    try:
        arrived.wait(timeout)
    finally:
        client.shutdown()
    return found[0] if found else None


def subscribe_and_callback(
    callback: Callable[[Message], Any], topics: str | Sequence[str], allow_retained: bool = True,
    client: Client | None = None, last_will: Any = None, **_ignored: Any,
) -> Client:  # fmt: skip
    """Call back for each message, on the connection's own thread, until the returned client is shut down."""
    connection = client if client is not None else create_client(last_will=last_will)

    def receive(message: Message) -> None:
        if allow_retained or not message.retain:
            callback(message)

    for topic in [topics] if isinstance(topics, str) else topics:
        connection.bus.subscribe(topic, receive)
    return connection
