"""Wires and a clock that tests of devices share."""

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.buses.spy_buses import SpyBuses, SpyI2C


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def i2c() -> SpyI2C:
    return SpyI2C()


@pytest.fixture
def wires() -> SpyBuses:
    return SpyBuses()
