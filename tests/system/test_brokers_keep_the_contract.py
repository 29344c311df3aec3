"""The MQTT bus keeps the promise of a bus, over Mosquitto and over the embedded broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pioreactor.messaging.accounts import Account
from pioreactor.messaging.broker import Broker, Program, find_mosquitto
from pioreactor.messaging.mqtt import MqttBus, MqttBusFactory, Patience
from pioreactor.messaging.ports import Bus, Will
from pioreactor.testing.contracts.messaging import BusContract, BusUnderTest

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
        patience = Patience(first_retry_s=0.02, longest_retry_s=0.2)
        bus = MqttBusFactory(self.broker.address("leader"), "unit1", patience).connect(client_name, will=will)
        self.buses.append(bus)
        return bus

    def crash(self, bus: Bus) -> None:
        assert isinstance(bus, MqttBus)
        bus.abandon()

    def close(self) -> None:
        for bus in self.buses:
            bus.abandon()
        self.broker.stop()


def _place(directory: Path, program: Program) -> Iterator[BusUnderTest]:
    place = BrokerPlace(directory, program)
    yield place
    place.close()


class TestMqttBusOverMosquitto(BusContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[BusUnderTest]:
        yield from _place(tmp_path, "mosquitto")


class TestMqttBusOverTheEmbeddedBroker(BusContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[BusUnderTest]:
        yield from _place(tmp_path, "embedded")
