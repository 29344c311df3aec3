"""The TMP1075, the heating board's temperature sensor (register 0: twelve bits, left-justified, two's complement)."""

from typing import Final

from pioreactor.devices.buses.ports import I2CBus
from pioreactor.devices.driver import Driver
from pioreactor.exc import HardwareError

_TEMPERATURE: Final = b"\x00"
_UNUSED_BITS: Final = 0x0F


class Tmp1075:
    """Steps of 0.0625 °C, from −55 to 125 °C."""

    def __init__(self, i2c: I2CBus, address: int) -> None:
        self._i2c = i2c
        self._address = address

    def read_celsius(self) -> float:
        """Return the temperature [°C]; raise `HardwareError` for an answer the chip cannot give."""
        answer = self._i2c.transfer(self._address, _TEMPERATURE, 2)
        # The lowest four bits are always zero. A bus that is stuck high would otherwise read as -0.06 °C and be heated.
        if len(answer) != 2 or answer[1] & _UNUSED_BITS:
            raise HardwareError(f"TMP1075 at 0x{self._address:02X} answered {answer.hex()}, which is no temperature")
        return int.from_bytes(answer, "big", signed=True) / 256


TMP1075: Final = Driver(
    chip="TMP1075",
    probe=(_TEMPERATURE, 2),
    twin="pioreactor.twin.chips.tmp1075:create",
    thermometer=lambda context, address: Tmp1075(context.i2c, address),
)
