"""Broker processes: who gets in, who may say what, and what lies on the disk."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pioreactor.exc import BrokerUnreachableError, InvalidRequestError
from pioreactor.messaging.accounts import Account
from pioreactor.messaging.broker import Broker, Program, find_mosquitto
from pioreactor.messaging.mqtt import MqttBus
from pioreactor.messaging.ports import BrokerAddress
from pioreactor.messaging.reconnect_delay import ConnectionTiming
from pioreactor.testing.contracts.messaging import ConnectionRecorder, Inbox, flushed

pytestmark = pytest.mark.system

LEADER = Account("leader", "a password of the leader", "leader")
UNIT1 = Account("unit1", "a password of unit1")
UNIT2 = Account("unit2", "a password of unit2")
VIEWER = Account("anna", "a password of anna", "viewer")
COMMAND = "pioreactor/unit1/exp/stirring/target_rpm/set"
FAST = ConnectionTiming(min_retry_s=0.02, max_retry_s=0.1)


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    program: Program = request.param
    assert program != "mosquitto" or find_mosquitto(), "these tests need Mosquitto: install the package mosquitto"
    with Broker(tmp_path / "broker", [LEADER, UNIT1, UNIT2, VIEWER], program=program) as broker:
        yield broker


@pytest.fixture
def buses() -> Iterator[list[MqttBus]]:
    opened: list[MqttBus] = []
    yield opened
    for bus in opened:
        bus.abort()


def open_bus(buses: list[MqttBus], address: BrokerAddress) -> MqttBus:
    bus = MqttBus(address, f"test-{address.username}-{len(buses)}", timing=FAST)
    buses.append(bus)
    return bus


def test_commands_to_a_unit_come_from_itself_or_the_leader(broker: Broker, buses: list[MqttBus]) -> None:
    stirring, inbox = open_bus(buses, broker.address("unit1")), Inbox()
    stirring.subscribe("pioreactor/+/exp/stirring/+/set", inbox)
    flushed(stirring)
    for account in ("unit2", "anna", "unit1", "leader"):
        publisher = open_bus(buses, broker.address(account))
        publisher.publish(COMMAND, account)
        publisher.publish("pioreactor/$broadcast/exp/stirring/target_rpm/set", account)
        flushed(publisher)
    inbox.wait_until(lambda: inbox.payloads.count(b"leader") == 2)
    assert sorted(inbox.payloads) == [b"leader", b"leader", b"unit1"]


def test_a_viewer_reads_all_our_topics(broker: Broker, buses: list[MqttBus]) -> None:
    viewer, inbox = open_bus(buses, broker.address("anna")), Inbox()
    viewer.subscribe("pioreactor/#", inbox)
    flushed(viewer)
    open_bus(buses, broker.address("unit2")).publish("pioreactor/unit2/exp/od_reading/ods", b"1")
    assert inbox.wait_for(1)[0].topic == "pioreactor/unit2/exp/od_reading/ods"


@pytest.mark.parametrize(("username", "password"), [("unit1", "wrong"), ("unknown", "x"), (None, None)])
def test_wrong_credentials_are_refused_with_a_reason(
    broker: Broker, buses: list[MqttBus], username: str | None, password: str | None
) -> None:
    stranger = open_bus(buses, BrokerAddress("127.0.0.1", broker.port, username, password))
    stranger.publish("pioreactor/unit1/a", b"1")
    assert not stranger.flush(0.3)
    assert not stranger.is_connected()
    assert stranger.connection_error is not None
    assert "refused" in stranger.connection_error


def test_accounts_can_be_added_while_it_runs(broker: Broker, buses: list[MqttBus]) -> None:
    leader, connections = open_bus(buses, broker.address("leader")), ConnectionRecorder()
    inbox = Inbox()
    leader.subscribe("pioreactor/#", inbox)
    flushed(leader)
    leader.on_connection(connections)
    broker.set_accounts([LEADER, Account("unit3", "a password of unit3")])
    late = open_bus(buses, broker.address("unit3"))
    late.publish("pioreactor/unit3/exp/a", b"hello")
    inbox.wait_for_payload(b"hello")
    assert connections.received == []


def test_a_session_ends_when_its_account_is_removed(broker: Broker, buses: list[MqttBus]) -> None:
    """A unit that is removed while it is connected receives and publishes nothing more; others do not notice."""
    removed, kept, leader = (open_bus(buses, broker.address(name)) for name in ("unit1", "unit2", "leader"))
    inbox_of_removed, inbox_of_kept, inbox_of_leader = Inbox(), Inbox(), Inbox()
    ends, ends_of_kept = ConnectionRecorder(), ConnectionRecorder()
    removed.subscribe("pioreactor/#", inbox_of_removed)
    kept.subscribe("pioreactor/unit2/#", inbox_of_kept)
    leader.subscribe("pioreactor/#", inbox_of_leader)
    for bus in (removed, kept, leader):
        flushed(bus)
    removed.on_connection(ends)
    kept.on_connection(ends_of_kept)

    broker.set_accounts([LEADER, UNIT2, VIEWER])
    ends.wait_for(1)
    assert not removed.flush(0.3), "it is refused when it connects again"
    removed.publish("pioreactor/unit1/exp/od_reading/ods", b"from the removed")
    leader.publish(COMMAND, b"to the removed")
    leader.publish("pioreactor/unit2/exp/stirring/target_rpm/set", b"to the other")
    inbox_of_kept.wait_for_payload(b"to the other")
    inbox_of_leader.wait_for_payload(b"to the removed")
    assert not removed.is_connected()
    assert b"to the removed" not in inbox_of_removed.payloads
    assert b"from the removed" not in inbox_of_leader.payloads
    assert ends_of_kept.received == []


def test_secrets_are_private_and_not_in_the_command_line(broker: Broker) -> None:
    for path in broker.directory.iterdir():
        text = path.read_bytes()
        assert not any(account.password.encode() in text for account in (LEADER, UNIT1, UNIT2, VIEWER)), path
    for name in ("passwords", "permissions"):
        assert (broker.directory / name).stat().st_mode & 0o077 == 0
    command_line = Path(f"/proc/{broker.pid}/cmdline")
    if command_line.exists():
        assert b"a password" not in command_line.read_bytes()


def test_stopping_and_starting_again_keeps_the_port(broker: Broker) -> None:
    port = broker.port
    assert broker.is_running
    broker.start()
    pid = broker.pid
    broker.stop()
    broker.stop()
    assert not broker.is_running
    assert broker.pid is None
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    broker.start()
    assert broker.port == port


GARBAGE = {
    "another protocol": b"GET / HTTP/1.1\r\n\r\n",
    "more than a stranger may send": b"\x10\xff\xff\x7f",
    "a publication before the login": b"\x30\x03\x00\x01a",
    "a malformed login": b"\x10\x02\x00\x09",
    "zeros": bytes(100),
}


def test_garbage_ends_a_connection_to_the_embedded_broker_and_nothing_else(
    tmp_path: Path, buses: list[MqttBus]
) -> None:
    with Broker(tmp_path, [LEADER], program="embedded") as broker:
        bus, inbox, connections = open_bus(buses, broker.address("leader")), Inbox(), ConnectionRecorder()
        bus.subscribe("a", inbox)
        flushed(bus)
        bus.on_connection(connections)
        for garbage in GARBAGE.values():
            with socket.create_connection(("127.0.0.1", broker.port), timeout=5.0) as stranger:
                stranger.sendall(garbage)
                with contextlib.suppress(ConnectionResetError):
                    assert stranger.recv(100) == b""
        bus.publish("a", b"1")
        inbox.wait_for_payload(b"1")
        assert connections.received == []


def test_a_port_that_is_taken_is_reported_with_the_log(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        broker = Broker(tmp_path, [LEADER], port=taken.getsockname()[1], program="embedded")
        with pytest.raises(BrokerUnreachableError, match="did not start") as raised:
            broker.start()
    assert raised.value.remedy is not None
    assert str(broker.log_path) in raised.value.remedy
    assert not broker.is_running


def test_an_unknown_account_has_no_address(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no account"):
        Broker(tmp_path, [LEADER]).address("unknown")
