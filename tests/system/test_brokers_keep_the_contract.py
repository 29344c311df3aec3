"""The MQTT bus keeps the promise of a bus, over Mosquitto and over the embedded broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pioreactor.messaging.accounts import Account
from pioreactor.messaging.broker import Broker, Program, find_mosquitto
from pioreactor.messaging.mqtt import MqttBus, MqttBusFactory
from pioreactor.messaging.ports import Bus, Will
from pioreactor.messaging.reconnect_delay import ConnectionTiming
from pioreactor.testing.contracts.messaging import BrokerUnderTest, BusContract

pytestmark = pytest.mark.system

LEADER = Account("leader", "a password of the leader", "leader")


class BrokerPlace:
    def __init__(self, directory: Path, program: Program) -> None:
        assert program != "mosquitto" or find_mosquitto(), "these tests need Mosquitto: install the package mosquitto"
        self.broker = Broker(directory, [LEADER], program=program)
        self.buses: list[MqttBus] = []
        self.broker.start()
        self.stop = self.broker.stop
        self.start = self.broker.start

    def connect(self, client_name: str, *, will: Will | None = None) -> Bus:
        timing = ConnectionTiming(min_retry_s=0.02, max_retry_s=0.2)
        bus = MqttBusFactory(self.broker.address("leader"), "unit1", timing).connect(client_name, will=will)
        self.buses.append(bus)
        return bus

    def crash(self, bus: Bus) -> None:
        assert isinstance(bus, MqttBus)
        bus.abort()

    def close(self) -> None:
        for bus in self.buses:
            bus.abort()
        self.broker.stop()


def _place(directory: Path, program: Program) -> Iterator[BrokerUnderTest]:
    broker = BrokerPlace(directory, program)
    yield broker
    broker.close()


class TestMqttBusOverMosquitto(BusContract):
    @pytest.fixture
    def broker(self, tmp_path: Path) -> Iterator[BrokerUnderTest]:
        yield from _place(tmp_path, "mosquitto")


class TestMqttBusOverTheEmbeddedBroker(BusContract):
    @pytest.fixture
    def broker(self, tmp_path: Path) -> Iterator[BrokerUnderTest]:
        yield from _place(tmp_path, "embedded")
