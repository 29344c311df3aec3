"""The HAT's RP2040 at 0x2C: four averaged 12-bit inputs, four 8-bit LED channels, and its firmware version."""

from collections.abc import Callable, Mapping

from pioreactor.twin.chips.ports import VoltsAt
from pioreactor.twin.world import World

FIRMWARE_REGISTER = 0x08
FULL_SCALE_V = 3.3
REFRESH_HZ = 100
LED_CHANNELS = "ABCD"


class Rp2040:
    """Write `[channel 0–3, value]` to light an LED, `[channel + 4]` then read two bytes (little endian) to measure."""

    def __init__(
        self,
        inputs: Mapping[int, Callable[[float, int], float]],
        set_led: Callable[[str, float], None],
        *,
        firmware: tuple[int, int],
    ) -> None:
        self._inputs = inputs
        self._set_led = set_led
        self._firmware = bytes((firmware[1], firmware[0]))
        self._full_counts = 4095 * (32 if firmware >= (0, 4) else 16)
        self._pointer = 0

    def transfer(self, write: bytes, read_length: int, at_s: float) -> bytes:
        """Answer one I²C transfer at this world time."""
        if write:
            self._pointer = write[0]
            if len(write) >= 2 and write[0] < 4:
                self._set_led(LED_CHANNELS[write[0]], write[1] / 255.0)
        if not read_length:
            return b""
        two = self._firmware if self._pointer == FIRMWARE_REGISTER else self._measure(at_s)
        return two if read_length == 2 else (two * (read_length // 2 + 1))[:read_length]

    def _measure(self, at_s: float) -> bytes:
        source = self._inputs.get(self._pointer - 4)
        if source is None:
            return b"\x00\x00"
        counts = int(source(at_s, int(at_s * REFRESH_HZ)) / FULL_SCALE_V * self._full_counts + 0.5)
        return min(self._full_counts, 0xFFFF, max(0, counts)).to_bytes(2, "little")


def create(world: World, address: int, inputs: Mapping[int, VoltsAt]) -> Rp2040:
    """Return the RP2040 of the HAT."""
    del address
    return Rp2040(inputs, world.set_led, firmware=world.wires.firmware)
