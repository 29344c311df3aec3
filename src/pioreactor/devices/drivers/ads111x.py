"""The ADS1114 and ADS1115, 16-bit analog-to-digital converters (registers: Texas Instruments SBAS444)."""

from typing import Final, Literal

from pioreactor.clock.ports import Clock
from pioreactor.devices.buses.ports import I2CBus
from pioreactor.devices.driver import Driver
from pioreactor.exc import HardwareError, HardwareNotFoundError

Gain = Literal["2/3", "1", "2", "4", "8", "16"]

FULL_SCALE_V: Final[dict[Gain, float]] = {
    "2/3": 6.144,
    "1": 4.096,
    "2": 2.048,
    "4": 1.024,
    "8": 0.512,
    "16": 0.256,
}
"""Voltage of the largest count at each gain."""

COUNTS: Final = 32767
_MARGIN: Final = 0.85
_CONVERSION: Final = b"\x00"
_CONFIG: Final = b"\x01"
_START: Final = 0x8000
"""Written, starts a conversion; read, says that none is under way."""
_SINGLE_SHOT: Final = 0x0100
_128_PER_S: Final = 0x0080
_NO_COMPARATOR: Final = 0x0003
_PGA: Final[dict[Gain, int]] = {gain: code << 9 for code, gain in enumerate(FULL_SCALE_V)}

_CONVERSION_S: Final = 1 / 128
_SLOWEST_CONVERSION_S: Final = 1.1 * _CONVERSION_S + 1e-4
"""The data sheet allows the chip's oscillator to be 10 % off; waking takes some tens of microseconds."""
_POLL_S: Final = 0.4e-3
_POLLS: Final = 20
_ATTEMPTS: Final = 4


def choose_gain(volts: float) -> Gain:
    """Return the most sensitive gain whose full scale lies at least 15 % above this level."""
    chosen: Gain = "2/3"
    for gain, full_scale_v in FULL_SCALE_V.items():
        if volts < _MARGIN * full_scale_v:
            chosen = gain
    return chosen


class Ads1114:
    """One differential input, converting continuously at 128 samples a second. It is set up at the first read."""

    __slots__ = ("_address", "_clock", "_gain", "_is_set_up", "_lsb_v", "_transfer")
    converter = "ADS1114"

    def __init__(self, i2c: I2CBus, address: int, *, clock: Clock, gain: Gain = "1") -> None:
        self._transfer = i2c.transfer
        self._address = address
        self._clock = clock
        self._gain = gain
        self._lsb_v = FULL_SCALE_V[gain] / COUNTS
        self._is_set_up = False

    @property
    def gain(self) -> Gain:
        return self._gain

    def read_volts(self) -> float:
        """Return the latest conversion [V]. The first read, and the one after a change of gain, wait for one."""
        if not self._is_set_up:
            self._set_up()
        try:
            answer = self._transfer(self._address, _CONVERSION, 2)
        except HardwareNotFoundError:
            # A chip that lost its supply wakes up with its own defaults and would repeat one conversion for ever.
            self._is_set_up = False
            raise
        return int.from_bytes(answer, "big", signed=True) * self._lsb_v

    def fit_range(self, volts: float) -> None:
        gain = choose_gain(volts)
        if gain != self._gain:
            self._gain = gain
            self._lsb_v = FULL_SCALE_V[gain] / COUNTS
            self._is_set_up = False

    def _set_up(self) -> None:
        config = _PGA[self._gain] | _128_PER_S | _NO_COMPARATOR
        self._transfer(self._address, _CONFIG + config.to_bytes(2, "big"))
        # The conversion under way still carries the former gain; the chip starts over with the new one.
        self._clock.sleep(_SLOWEST_CONVERSION_S)
        self._is_set_up = True


class Ads1115:
    """One of four single-ended inputs (0–3), converted on demand at 128 samples a second: a read takes about 8 ms.

    Several processes may read different inputs of one chip: a conversion that another process took over is repeated.
    """

    __slots__ = ("_address", "_channel", "_clock", "_gain", "_lsb_v", "_start", "_started", "_transfer")
    converter = "ADS1115"

    def __init__(self, i2c: I2CBus, address: int, *, channel: int, clock: Clock, gain: Gain = "1") -> None:
        self._transfer = i2c.transfer
        self._address = address
        self._channel = channel
        self._clock = clock
        self._use(gain)

    @property
    def gain(self) -> Gain:
        return self._gain

    def read_volts(self) -> float:
        """Start a conversion, wait for it, return it [V]. `HardwareError` when the chip never finishes."""
        for _ in range(_ATTEMPTS):
            self._transfer(self._address, self._start)
            self._clock.sleep(_CONVERSION_S)
            if self._is_ours_finished():
                return int.from_bytes(self._transfer(self._address, _CONVERSION, 2), "big", signed=True) * self._lsb_v
        raise HardwareError(f"ADS1115 at 0x{self._address:02X} does not finish a conversion of input {self._channel}")

    def fit_range(self, volts: float) -> None:
        gain = choose_gain(volts)
        if gain != self._gain:
            self._use(gain)

    def _use(self, gain: Gain) -> None:
        input_to_ground = (0b100 | self._channel) << 12
        config = _START | input_to_ground | _PGA[gain] | _SINGLE_SHOT | _128_PER_S | _NO_COMPARATOR
        self._gain: Gain = gain
        self._lsb_v = FULL_SCALE_V[gain] / COUNTS
        self._started = config.to_bytes(2, "big")
        self._start = _CONFIG + self._started

    def _is_ours_finished(self) -> bool:
        """Wait for the chip to be idle; False when it is busy too long, or did not convert what we asked for."""
        for _ in range(_POLLS):
            config = self._transfer(self._address, _CONFIG, 2)
            if config == self._started:
                return True
            if config[0] & 0x80:
                return False
            self._clock.sleep(_POLL_S)
        return False


ADS1114: Final = Driver(
    chip="ADS1114",
    probe=(_CONFIG, 2),
    twin="pioreactor.twin.chips.ads111x:create_ads1114",
    analog_input=lambda context, wired: Ads1114(context.i2c, wired.address, clock=context.clock),
    has_channels=False,
)
ADS1115: Final = Driver(
    chip="ADS1115",
    probe=(_CONFIG, 2),
    twin="pioreactor.twin.chips.ads111x:create_ads1115",
    analog_input=lambda context, wired: Ads1115(context.i2c, wired.address, channel=wired.channel, clock=context.clock),
)
