"""Messages over MQTT, and questions over HTTP, under the names plugins import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial
from typing import Any

from pioreactor import mureq
from pioreactor.jobs.settings import encode_payload
from pioreactor.messaging.ports import Bus, Message, Will
from pioreactor.runtime.context import current


class QOS(IntEnum):
    """How surely a message arrives."""

    AT_MOST_ONCE = 0
    AT_LEAST_ONCE = 1
    EXACTLY_ONCE = 2


class Client:
    """A connection to the broker, under the names of paho's. `shutdown` it when done."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.is_connected = bus.is_connected

    def publish(self, topic: str, payload: Any = None, qos: int = 0, retain: bool = False, **_ignored: Any) -> None:
        self.bus.publish(topic, encode_payload(payload), qos=min(qos, 1), retain=retain)

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
    bus = current().buses.connect("publish")
    try:
        bus.publish(topic, encode_payload(message), qos=min(qos, 1), retain=retain)
        bus.flush(10.0)
    finally:
        bus.close()


def subscribe(
    topics: str | Sequence[str], timeout: float | None = None, allow_retained: bool = True, **_ignored: Any
) -> Message | None:
    """Wait for one message; None when none came within `timeout` seconds."""
    heard = current().clock.signal()
    found: list[Message] = []

    def hear(message: Message) -> None:
        found.append(message)
        heard.set()

    client = subscribe_and_callback(hear, topics, allow_retained=allow_retained)
    try:
        heard.wait(timeout)
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


def create_webserver_path(address: str, endpoint: str) -> str:
    """Return the URL of an endpoint; the address may bring its own port."""
    ui = current().settings.ui
    where = address if ":" in address else f"{address}:{ui.port}"
    return f"{ui.proto}://{where}/{endpoint.lstrip('/')}"


def ask(method: str, address: str, endpoint: str, *, headers: Any = None, **options: Any) -> mureq.Response:
    """Send a request to a unit, with the cluster's token."""
    from pioreactor.bootstrap.process import TOKEN_FILE, read_secret

    token = read_secret(current().paths, TOKEN_FILE)
    own = {"Authorization": f"Bearer {token}"} if token else {}
    given = {**own, **(headers if headers is not None else {})}
    return mureq.request(method, create_webserver_path(address, endpoint), headers=given, **options)


def ask_leader(method: str, endpoint: str, **options: Any) -> mureq.Response:
    return ask(method, current().settings.cluster.leader_address, endpoint, **options)


get_from, put_into, patch_into = partial(ask, "GET"), partial(ask, "PUT"), partial(ask, "PATCH")
post_into, delete_from = partial(ask, "POST"), partial(ask, "DELETE")
get_from_leader, put_into_leader = partial(ask_leader, "GET"), partial(ask_leader, "PUT")
patch_into_leader, post_into_leader = partial(ask_leader, "PATCH"), partial(ask_leader, "POST")
delete_from_leader = partial(ask_leader, "DELETE")
