"""DAC43608 at 0x49: eight 8-bit outputs, of which the first four drive LEDs; all are powered down at reset."""

from collections.abc import Callable, Mapping

from pioreactor.twin.chips.ports import VoltsAt
from pioreactor.twin.world import World

CONFIG, TRIGGER, BROADCAST, FIRST_DATA = 1, 2, 3, 8
POWERED_DOWN = 0x00FF
ALL_DOWN = 0x0100
SOFT_RESET = 0xA
DEVICE_ID = 0x0140
LED_CHANNELS = "ABCD"


class Dac43608:
    """Registers are two bytes, most significant first; data sits in bits 11–4, power-down bits 7–0 of register 1."""

    def __init__(self, set_led: Callable[[str, float], None]) -> None:
        self._set_led = set_led
        self._config = POWERED_DOWN
        self._data = [0] * 8
        self._pointer = 0

    def transfer(self, write: bytes, read_length: int, at_s: float) -> bytes:
        """Answer one I²C transfer."""
        del at_s
        if write:
            self._pointer = write[0] & 0x0F
            if len(write) >= 3:
                self._write(self._pointer, write[1] << 8 | write[2])
        return self._read().to_bytes(2, "big")[:read_length] if read_length else b""

    def _write(self, register: int, value: int) -> None:
        changed = range(8)
        if register == CONFIG:
            self._config = value
        elif register == TRIGGER and value & 0x0F == SOFT_RESET:
            self._config = POWERED_DOWN
            self._data = [0] * 8
        elif register == BROADCAST:
            self._data = [value & 0x0FF0] * 8
        elif register >= FIRST_DATA:
            self._data[register - FIRST_DATA] = value & 0x0FF0
            changed = range(register - FIRST_DATA, register - FIRST_DATA + 1)
        else:
            return
        for channel in changed:
            self._drive(channel)

    def _drive(self, channel: int) -> None:
        if channel >= len(LED_CHANNELS):
            return
        down = self._config & ALL_DOWN or self._config >> channel & 1
        self._set_led(LED_CHANNELS[channel], 0.0 if down else (self._data[channel] >> 4) / 255.0)

    def _read(self) -> int:
        if self._pointer == CONFIG:
            return self._config
        if self._pointer == TRIGGER:
            return DEVICE_ID
        if self._pointer >= FIRST_DATA:
            return self._data[self._pointer - FIRST_DATA]
        return 0


def create(world: World, address: int, inputs: Mapping[int, VoltsAt]) -> Dac43608:
    """Return the LED driver."""
    del address, inputs
    return Dac43608(world.set_led)
