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
from pioreactor.messaging.mqtt import MqttBus, Patience
from pioreactor.testing.contracts.messaging import Inbox, Moods, settled

pytestmark = pytest.mark.system

LEADER = Account("leader", "a password of the leader", "leader")
SOON = Patience(first_retry_s=0.02, longest_retry_s=0.1, keepalive_s=1, close_s=0.5)


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    program: Program = request.param
    assert program != "mosquitto" or find_mosquitto(), "these tests need Mosquitto: install the package mosquitto"
    with Broker(tmp_path, [LEADER], program=program) as broker:
        yield broker


@pytest.fixture
def bus(broker: Broker) -> Iterator[MqttBus]:
    bus = MqttBus(broker.address("leader"), "job", patience=SOON)
    yield bus
    bus.abandon()


@pytest.fixture
def listener(broker: Broker) -> Iterator[MqttBus]:
    bus = MqttBus(broker.address("leader"), "listener", patience=SOON)
    yield bus
    bus.abandon()


def kill(broker: Broker) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    broker.stop()


def test_a_broker_killed_amid_traffic_never_leaves_an_old_value_behind(
    broker: Broker, bus: MqttBus, listener: MqttBus
) -> None:
    heard = Inbox()
    listener.subscribe("value", heard)
    settled(listener)
    settled(bus)
    for life in range(4):
        for number in range(300):
            bus.publish("value", str(life * 300 + number), retain=True)
            if number == 150:
                kill(broker)
        broker.start()
        settled(bus)
        heard.wait_for_payload(str(life * 300 + 299).encode())
    latest = Inbox()
    subscription = listener.subscribe("value", latest)
    assert latest.wait_for(1)[0].payload == b"1199"
    subscription.cancel()


def test_events_that_were_not_acknowledged_are_sent_again(broker: Broker, bus: MqttBus) -> None:
    heard, moods = Inbox(), Moods()
    bus.subscribe("event", heard)
    settled(bus)
    bus.on_connection(moods)
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    sent = [str(number).encode() for number in range(150)]  # more than are sent ahead of acknowledgements
    for payload in sent:
        bus.publish("event", payload)
    assert not bus.flush(0.05)
    kill(broker)
    moods.wait_for(1)
    broker.start()
    heard.wait_for_payload(b"149")
    # the broker never read anything before it was killed, so each event comes once
    assert heard.payloads == sent


def test_a_frozen_broker_is_noticed_by_its_silence(broker: Broker, bus: MqttBus) -> None:
    moods = Moods()
    bus.subscribe("a", Inbox())
    settled(bus)
    bus.on_connection(moods)
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        bus.publish("a", b"1", retain=True)
        moods.wait_for(1)
        assert not bus.is_connected()
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    assert moods.wait_for(2)[:2] == [False, True]
    settled(bus)


def test_a_callback_may_close_its_own_bus(broker: Broker, bus: MqttBus, listener: MqttBus) -> None:
    listener.subscribe("end", lambda _message: listener.close())
    settled(listener)
    bus.publish("end", b"1")
    listener._thread.join(10.0)
    assert not listener.is_connected()


JOB = """
import os, signal, sys
from pioreactor.messaging.mqtt import BrokerAddress, MqttBus
from pioreactor.messaging.ports import Will

bus = MqttBus(BrokerAddress("127.0.0.1", int(sys.argv[1]), "leader", os.environ["PASSWORD"]), "job",
              will=Will("job/$state", b"lost"))
bus.publish("job/$state", b"ready", retain=True)
assert bus.flush(10.0)
{ending}
"""


@pytest.mark.parametrize("ending", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(1)", "raise SystemError"])
def test_a_process_that_ends_without_goodbye_is_announced_as_lost(
    broker: Broker, listener: MqttBus, ending: str
) -> None:
    heard = Inbox()
    listener.subscribe("job/$state", heard)
    settled(listener)
    subprocess.run(
        [sys.executable, "-c", JOB.format(ending=ending), str(broker.port)],
        env={**os.environ, "PASSWORD": LEADER.password},
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    heard.wait_for_payload(b"lost")
    assert heard.payloads == [b"ready", b"lost"]
