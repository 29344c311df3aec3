"""The in-memory bus keeps the promise of a bus."""

import pytest

from pioreactor.clock.system import SystemClock
from pioreactor.messaging.memory import MemoryBroker, MemoryBus
from pioreactor.messaging.ports import Bus, Will
from pioreactor.testing.contracts.messaging import BrokerUnderTest, BusContract


class MemoryPlace:
    def __init__(self) -> None:
        self.broker = MemoryBroker(SystemClock())
        self.stop = self.broker.stop
        self.start = self.broker.start

    def connect(self, client_name: str, *, will: Will | None = None) -> Bus:
        return self.broker.connect(client_name, will=will)

    def crash(self, bus: Bus) -> None:
        assert isinstance(bus, MemoryBus)
        bus.crash()


class TestMemoryBus(BusContract):
    @pytest.fixture
    def broker(self) -> BrokerUnderTest:
        return MemoryPlace()
