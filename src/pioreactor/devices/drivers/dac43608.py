"""The DAC43608, the LED driver's eight-bit digital-to-analog converter on HAT 1.0."""

from collections.abc import Mapping
from typing import Final

from pioreactor.devices.buses.ports import I2CBus
from pioreactor.devices.driver import Driver
from pioreactor.devices.guard import checked_percent
from pioreactor.types import LedChannel

_DEVICE_CONFIG: Final = b"\x01"
_FIRST_DATA_REGISTER: Final = 8


class Dac43608Leds:
    """LED channels as outputs of the DAC. An output at zero is powered down, as zero volts still let an LED glow."""

    def __init__(self, i2c: I2CBus, address: int, *, registers: Mapping[LedChannel, int]) -> None:
        self._i2c = i2c
        self._address = address
        self._registers = registers

    def set_intensity(self, channel: LedChannel, percent: float) -> None:
        """Set the channel, 0–100 %; the others keep what they have, whichever process gave it to them."""
        level = round(checked_percent(percent) * 255 / 100)
        register = self._registers[channel]
        self._i2c.transfer(self._address, bytes((register,)) + (level << 4).to_bytes(2, "big"))
        self._power(register - _FIRST_DATA_REGISTER, up=level > 0)

    def _power(self, output: int, *, up: bool) -> None:
        config = int.from_bytes(self._i2c.transfer(self._address, _DEVICE_CONFIG, 2), "big")
        wanted = config & ~(1 << output) if up else config | (1 << output)
        if wanted != config:
            self._i2c.transfer(self._address, _DEVICE_CONFIG + wanted.to_bytes(2, "big"))


DAC43608: Final = Driver(
    chip="DAC43608",
    probe=(_DEVICE_CONFIG, 2),
    twin="pioreactor.twin.chips.dac43608:create",
    leds=lambda context, wired: Dac43608Leds(context.i2c, wired.address, registers=wired.registers),
)
