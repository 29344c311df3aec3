"""The MQTT bus against what is not a working broker."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import pytest

from pioreactor.messaging.mqtt import MqttBus, MqttBusFactory
from pioreactor.messaging.ports import BrokerAddress, Will
from pioreactor.messaging.reconnect_delay import ConnectionTiming, ReconnectDelay

FAST = ConnectionTiming(min_retry_s=0.01, max_retry_s=0.05, close_timeout_s=0.2)


@contextmanager
def closing(bus: MqttBus) -> Iterator[MqttBus]:
    try:
        yield bus
    finally:
        bus.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_client_ids_contain_job_and_unit() -> None:
    factory = MqttBusFactory(BrokerAddress("127.0.0.1", free_port()), "unit1", FAST)
    with closing(factory.connect("stirring")) as first, closing(factory.connect("stirring-unit1")) as second:
        assert first.client_id.startswith("stirring-unit1-")
        assert second.client_id.startswith("stirring-unit1-")
        assert not second.client_id.startswith("stirring-unit1-unit1")
        assert first.client_id != second.client_id


def test_without_a_broker_messages_are_queued_and_the_error_is_reported() -> None:
    with closing(MqttBus(BrokerAddress("127.0.0.1", free_port()), "lonely", timing=FAST)) as bus:
        for number in range(2000):
            bus.publish("event", str(number))
        bus.publish("value", b"1", retain=True)
        assert bus.dropped == 1000
        assert not bus.flush(0.1)
        assert bus.connection_error is not None
        assert "unreachable" in bus.connection_error


def test_an_unknown_host_does_not_raise() -> None:
    with closing(MqttBus(BrokerAddress("no.such.host.invalid"), "lost", timing=FAST)) as bus:
        bus.publish("a", b"1")
        assert not bus.is_connected()


def test_flushing_an_empty_queue_needs_no_broker() -> None:
    with closing(MqttBus(BrokerAddress("127.0.0.1", free_port()), "lonely", timing=FAST)) as bus:
        assert bus.flush(0.0)
        bus.subscribe("a", print)
        assert not bus.flush(0.0)


def serve(listener: socket.socket, answers: list[bytes], connections: list[bytes], enough: threading.Event) -> None:
    """Answer one packet of each connection with the next answer, then hang up."""
    for answer in answers:
        connection, _ = listener.accept()
        with connection:
            connections.append(connection.recv(1000))
            connection.sendall(answer)
    enough.set()
    listener.close()


def test_a_broker_that_closes_or_sends_garbage_is_retried() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20.0)
    connections: list[bytes] = []
    enough = threading.Event()
    # nothing, a refusal, a packet that does not exist, a malformed acknowledgment, HTTP
    answers = [b"", b"\x20\x02\x00\x05", b"\xf0\x00", b"\x20\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n"]
    server = threading.Thread(target=serve, args=(listener, answers, connections, enough))
    server.start()
    address = BrokerAddress("127.0.0.1", listener.getsockname()[1], "unit1", "secret")
    with closing(MqttBus(address, "job", will=Will("job/$state", b"lost"), timing=FAST)) as bus:
        assert enough.wait(20.0)
        assert not bus.is_connected()
    server.join()
    assert all(b"MQTT\x04" in connection and b"lost" in connection for connection in connections)
    assert len(connections) == len(answers)


def test_repr_hides_the_password() -> None:
    assert "secret" not in repr(BrokerAddress("h", 1, "unit1", "secret"))


def test_reconnect_delay_backs_off_for_refusals_but_not_for_unreachable_hosts() -> None:
    pauses = ReconnectDelay(ConnectionTiming())
    refused_at_once = [pauses.after(0.0, answered=False) for _ in range(6)]
    assert refused_at_once == [0.25, 0.5, 1.0, 1.0, 1.0, 1.0]
    waited_for = [pauses.after(2.0, answered=False) for _ in range(3)]
    assert waited_for == [0.25, 0.25, 0.25]
    refused = [pauses.after(0.1, answered=True) for _ in range(5)]
    assert refused == [1.0, 2.0, 4.0, 8.0, 8.0]
    assert pauses.after(0.0, answered=False) == 1.0
    flapping = [pauses.after(1.5, answered=True) for _ in range(4)]
    assert flapping == [0.25, 0.25, 0.25, 0.25], "a connection that lived is made again at once"


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux counts what is unconfirmed")
def test_the_kernel_ends_a_connection_with_unacknowledged_data() -> None:
    """Otherwise it repeats it after 0.2, 0.4, … 25, 51 s, and a network that is whole again stands unused so long."""
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    timing = ConnectionTiming(unacknowledged_timeout_s=3.0, close_timeout_s=0.1)
    with listener, closing(MqttBus(BrokerAddress(host, port), "job", timing=timing)) as bus:
        client = bus._new_client()
        client.connect(host, port)
        with cast(socket.socket, client.socket()) as own:
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 3000
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_unconfirmed_messages_are_reported_in_order_after_a_loss() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20.0)
    told: list[tuple[str, bytes]] = []
    came = threading.Event()

    def note(unconfirmed: Sequence[tuple[str, bytes]]) -> None:
        told.extend(unconfirmed)
        came.set()

    address = BrokerAddress("127.0.0.1", listener.getsockname()[1])
    with listener, closing(MqttBus(address, "job", timing=FAST)) as bus:
        bus.on_unconfirmed(note)
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"\x20\x02\x00\x00")
            for number in range(150):  # more than are sent ahead of acknowledgments
                bus.publish("event", str(number))
            connection.recv(1000)
        assert came.wait(20.0)
    assert told == [("event", str(number).encode()) for number in range(150)]


WHILE_ANOTHER_LOADS = """
import sys, threading
from pioreactor.messaging.lazy_paho import load_client
sys.setswitchinterval(1e-5)
whole = []
def load_when_begun():
    while "paho.mqtt.client" not in sys.modules:
        pass
    whole.append(hasattr(load_client(), "Client"))
second = threading.Thread(target=load_when_begun, daemon=True)
second.start()
load_client()
second.join()
sys.exit(whole != [True])
"""


def test_concurrent_connections_import_paho_once() -> None:
    assert subprocess.run([sys.executable, "-c", WHILE_ANOTHER_LOADS], check=False).returncode == 0
