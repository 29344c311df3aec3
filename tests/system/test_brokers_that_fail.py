"""The MQTT bus while a broker is killed, frozen or replaced."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pioreactor.messaging.accounts import Account
from pioreactor.messaging.broker import Broker, Program, find_mosquitto
from pioreactor.messaging.mqtt import MqttBus
from pioreactor.messaging.reconnect_delay import ConnectionTiming
from pioreactor.testing.contracts.messaging import ConnectionRecorder, Inbox, flushed

pytestmark = pytest.mark.system

LEADER = Account("leader", "a password of the leader", "leader")
FAST = ConnectionTiming(min_retry_s=0.02, max_retry_s=0.1, keepalive_s=1, close_timeout_s=0.5)


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    program: Program = request.param
    assert program != "mosquitto" or find_mosquitto(), "these tests need Mosquitto: install the package mosquitto"
    with Broker(tmp_path, [LEADER], program=program) as broker:
        yield broker


@pytest.fixture
def bus(broker: Broker) -> Iterator[MqttBus]:
    bus = MqttBus(broker.address("leader"), "job", timing=FAST)
    yield bus
    bus.abort()


@pytest.fixture
def listener(broker: Broker) -> Iterator[MqttBus]:
    bus = MqttBus(broker.address("leader"), "subscriber", timing=FAST)
    yield bus
    bus.abort()


def kill(broker: Broker) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    broker.stop()


def test_a_killed_broker_never_leaves_an_old_retained_value(broker: Broker, bus: MqttBus, listener: MqttBus) -> None:
    received = Inbox()
    listener.subscribe("value", received)
    flushed(listener)
    flushed(bus)
    for life in range(4):
        for number in range(300):
            bus.publish("value", str(life * 300 + number), retain=True)
            if number == 150:
                kill(broker)
        broker.start()
        flushed(bus)
        received.wait_for_payload(str(life * 300 + 299).encode())
    latest = Inbox()
    subscription = listener.subscribe("value", latest)
    assert latest.wait_for(1)[0].payload == b"1199"
    subscription.cancel()


def test_events_that_were_not_acknowledged_are_sent_again(broker: Broker, bus: MqttBus) -> None:
    received, connections = Inbox(), ConnectionRecorder()
    bus.subscribe("event", received)
    flushed(bus)
    bus.on_connection(connections)
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    sent = [str(number).encode() for number in range(150)]  # more than are sent ahead of acknowledgments
    for payload in sent:
        bus.publish("event", payload)
    assert not bus.flush(0.05)
    kill(broker)
    connections.wait_for(1)
    broker.start()
    received.wait_for_payload(b"149")
    # the broker never read anything before it was killed, so each event comes once
    assert received.payloads == sent


def test_a_frozen_broker_is_detected_by_the_keepalive(broker: Broker, bus: MqttBus) -> None:
    connections = ConnectionRecorder()
    bus.subscribe("a", Inbox())
    flushed(bus)
    bus.on_connection(connections)
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        bus.publish("a", b"1", retain=True)
        connections.wait_for(1)
        assert not bus.is_connected()
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    assert connections.wait_for(2)[:2] == [False, True]
    flushed(bus)


def test_a_callback_may_close_its_own_bus(broker: Broker, bus: MqttBus, listener: MqttBus) -> None:
    listener.subscribe("end", lambda _message: listener.close())
    flushed(listener)
    bus.publish("end", b"1")
    listener._thread.join(10.0)
    assert not listener.is_connected()


JOB = """
import os, signal, sys
from pioreactor.messaging.mqtt import MqttBus
from pioreactor.messaging.ports import BrokerAddress
from pioreactor.messaging.ports import Will

bus = MqttBus(BrokerAddress("127.0.0.1", int(sys.argv[1]), "leader", os.environ["PASSWORD"]), "job",
              will=Will("job/$state", b"lost"))
bus.publish("job/$state", b"ready", retain=True)
assert bus.flush(10.0)
{ending}
"""


@pytest.mark.parametrize("ending", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(1)", "raise SystemError"])
def test_the_will_of_a_killed_process_is_published(broker: Broker, listener: MqttBus, ending: str) -> None:
    received = Inbox()
    listener.subscribe("job/$state", received)
    flushed(listener)
    subprocess.run(
        [sys.executable, "-c", JOB.format(ending=ending), str(broker.port)],
        env={**os.environ, "PASSWORD": LEADER.password},
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    received.wait_for_payload(b"lost")
    assert received.payloads == [b"ready", b"lost"]
