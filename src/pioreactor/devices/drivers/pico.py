"""The RP2040 of HAT 1.1 and later: four analog inputs, four LED channels, and a firmware version."""

from collections.abc import Mapping
from typing import Final

from pioreactor.devices.buses.ports import I2CBus
from pioreactor.devices.driver import Driver, Firmware
from pioreactor.devices.guard import checked_percent
from pioreactor.types import LedChannel

_FIRMWARE_VERSION: Final = b"\x08"
_FIRST_INPUT: Final = 4
_REFERENCE_V: Final = 3.3
_ADC_MAX: Final = 4095
_AVERAGES_32_SINCE: Final[Firmware] = (0, 4)


def read_firmware(i2c: I2CBus, address: int) -> Firmware:
    """Return (major, minor). Raises `HardwareNotFoundError` when the RP2040 does not answer."""
    minor, major = i2c.transfer(address, _FIRMWARE_VERSION, 2)
    return major, minor


def full_scale_counts(firmware: Firmware) -> int:
    """Return the count that stands for 3.3 V: the firmware sums 16 conversions of 12 bits, from 0.4 on 32."""
    return _ADC_MAX * (32 if firmware >= _AVERAGES_32_SINCE else 16)


class PicoAdc:
    """One analog input, 0 to 3.3 V. The firmware averages by itself; a read does not wait."""

    __slots__ = ("_address", "_lsb_v", "_register", "_transfer")
    converter = "RP2040"

    def __init__(self, i2c: I2CBus, address: int, *, channel: int, firmware: Firmware) -> None:
        self._transfer = i2c.transfer
        self._address = address
        self._register = bytes((channel + _FIRST_INPUT,))
        self._lsb_v = _REFERENCE_V / full_scale_counts(firmware)

    def read_volts(self) -> float:
        return int.from_bytes(self._transfer(self._address, self._register, 2), "little") * self._lsb_v

    def fit_range(self, volts: float) -> None:
        """Do nothing: the chip has one range."""


class PicoLeds:
    """LED channels as registers of the firmware, eight bits each."""

    def __init__(self, i2c: I2CBus, address: int, *, registers: Mapping[LedChannel, int]) -> None:
        self._i2c = i2c
        self._address = address
        self._registers = registers

    def set_intensity(self, channel: LedChannel, percent: float) -> None:
        level = round(checked_percent(percent) * 255 / 100)
        self._i2c.transfer(self._address, bytes((self._registers[channel], level)))


PICO: Final = Driver(
    chip="RP2040",
    probe=(_FIRMWARE_VERSION, 2),
    twin="pioreactor.twin.chips.rp2040:create",
    analog_input=lambda context, wired: PicoAdc(
        context.i2c, wired.address, channel=wired.channel, firmware=context.firmware()
    ),
    leds=lambda context, wired: PicoLeds(context.i2c, wired.address, registers=wired.registers),
)
