"""TMP1075 at 0x4F: a thermometer whose register 0 holds 12 bits, left-justified, 0.0625 °C each."""

from collections.abc import Callable, Mapping

from pioreactor.twin.chips.ports import VoltsAt
from pioreactor.twin.world import World

RESOLUTION_CELSIUS = 0.0625
DEVICE_ID_REGISTER, DEVICE_ID = 0x0F, 0x7500


class Tmp1075:
    """Negative temperatures are two's complement, as in the datasheet."""

    def __init__(self, celsius: Callable[[], float]) -> None:
        self._celsius = celsius
        self._registers = {1: 0x00FF, 2: 0x4B00, 3: 0x5000, DEVICE_ID_REGISTER: DEVICE_ID}
        self._pointer = 0

    def transfer(self, write: bytes, read_length: int, at_s: float) -> bytes:
        """Answer one I²C transfer."""
        del at_s
        if write:
            self._pointer = write[0]
            if len(write) >= 3 and self._pointer in (1, 2, 3):
                self._registers[self._pointer] = write[1] << 8 | write[2]
        if not read_length:
            return b""
        value = self._temperature() if self._pointer == 0 else self._registers.get(self._pointer, 0)
        return value.to_bytes(2, "big")[:read_length]

    def _temperature(self) -> int:
        steps = min(2047, max(-2048, round(self._celsius() / RESOLUTION_CELSIUS)))
        return steps << 4 & 0xFFFF


def create(world: World, address: int, inputs: Mapping[int, VoltsAt]) -> Tmp1075:
    """Return the thermometer of the heating board."""
    del address, inputs
    return Tmp1075(world.board_celsius)
