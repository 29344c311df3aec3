"""What a chip driver declares, and the connections that it is opened for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pioreactor.clock.ports import Clock
from pioreactor.devices.buses.ports import I2CBus
from pioreactor.devices.ports import Leds, Photodiode, Sensor, Thermometer
from pioreactor.types import LedChannel

Firmware = tuple[int, int]
"""Major and minor version."""


@dataclass(frozen=True, slots=True)
class AdcInput:
    """One analog input. `divider` is volts at the input per volt of what is measured."""

    driver: str
    address: int
    channel: int = 0
    divider: float = 1.0


@dataclass(frozen=True, slots=True)
class LedDriver:
    """The chip that drives the LEDs, and the register of each LED channel."""

    driver: str
    address: int
    registers: Mapping[LedChannel, int]


@dataclass(frozen=True, slots=True)
class SensorInput:
    """A sensor of `sensors.yaml`: its driver and I²C address."""

    driver: str
    address: int


@dataclass(frozen=True, slots=True)
class DriverContext:
    """What a driver may use. `firmware` asks the RP2040 of the HAT for its version."""

    i2c: I2CBus
    clock: Clock
    firmware: Callable[[], Firmware]


@dataclass(frozen=True, slots=True)
class Driver:
    """A kind of chip: how to detect it, its simulated counterpart, and a factory for each capability it has."""

    chip: str
    """Name of the part, as printed on it."""
    probe: tuple[bytes, int]
    """Bytes to write and number of bytes to read, which never change the state of the chip."""
    twin: str
    """Factory of the simulated chip, as `module:function`; see `pioreactor.twin.chips.ports`."""
    analog_input: Callable[[DriverContext, AdcInput], Photodiode] | None = None
    leds: Callable[[DriverContext, LedDriver], Leds] | None = None
    thermometer: Callable[[DriverContext, int], Thermometer] | None = None
    sensor: Callable[[DriverContext, int], Sensor] | None = None
    has_channels: bool = True
    """Whether an analog input is one of several of the chip."""
