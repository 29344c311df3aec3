"""ADS1114 and ADS1115: 16-bit converters with a config register (1) and a conversion register (0).

Register layout after the datasheet: config bits 15 OS, 14–12 MUX (ADS1115), 11–9 PGA, 8 MODE, 7–5 DR.
"""

import random
from collections.abc import Mapping

from pioreactor.twin.chips.ports import VoltsAt
from pioreactor.twin.world import World

RATES_HZ = (8, 16, 32, 64, 128, 250, 475, 860)
FULL_SCALES_V = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)
WIRE_S = 0.00025
"""About what one transfer takes on a 400 kHz bus; a busy-wait in virtual time ends because of it."""


class Ads111x:
    """One converter; `inputs` are its single-ended inputs, `offset_counts` and `gain_error` its own flaws."""

    __slots__ = (
        "_config",
        "_counts_per_volt",
        "_has_mux",
        "_input",
        "_inputs",
        "_offset",
        "_pointer",
        "_rate_hz",
        "_ready_s",
        "_result",
        "_scale_error",
        "_thresholds",
    )

    def __init__(
        self, inputs: Mapping[int, VoltsAt], *, has_mux: bool, offset_counts: float = 0.0, gain_error: float = 0.0
    ) -> None:
        self._inputs = inputs
        self._has_mux = has_mux
        self._offset = offset_counts
        self._scale_error = 1.0 + gain_error
        self._pointer = 0
        self._thresholds = {2: 0x8000, 3: 0x7FFF}
        self._result = 0
        self._ready_s = 0.0
        self._configure(0x8583, 0.0)
        self._config = 0x0583

    def transfer(self, write: bytes, read_length: int, at_s: float) -> bytes:
        """Answer one I²C transfer at this world time."""
        if write:
            self._pointer = pointer = write[0] & 3
            if len(write) >= 3:
                self._write(pointer, write[1] << 8 | write[2], at_s)
        if not read_length:
            return b""
        if self._pointer == 0:
            value = (self._result if self._config & 0x0100 else self._convert(at_s)) & 0xFFFF
        elif self._pointer == 1:
            value = self._read_config(at_s)
        else:
            value = self._thresholds[self._pointer]
        two = value.to_bytes(2, "big")
        return two if read_length == 2 else (two * (read_length // 2 + 1))[:read_length]

    def _write(self, pointer: int, value: int, at_s: float) -> None:
        if pointer == 1:
            self._configure(value, at_s)
        elif pointer > 1:
            self._thresholds[pointer] = value

    def _configure(self, value: int, at_s: float) -> None:
        self._config = value & 0x7FFF
        self._rate_hz = RATES_HZ[value >> 5 & 7]
        self._counts_per_volt = 32767.0 / FULL_SCALES_V[value >> 9 & 7] * self._scale_error
        mux = value >> 12 & 7
        # Without a multiplexer the one input pair is always measured. Differential settings are not wired here.
        number = (mux - 4 if mux >= 4 else -1) if self._has_mux else 0
        self._input = self._inputs.get(number)
        if value & 0x8000 and value & 0x0100:
            self._result = self._convert(at_s + 1.0 / self._rate_hz)
            self._ready_s = at_s + 1.0 / self._rate_hz

    def _read_config(self, at_s: float) -> int:
        if not self._config & 0x0100:
            return self._config
        if at_s >= self._ready_s:
            return self._config | 0x8000
        self._ready_s -= WIRE_S
        return self._config

    def _convert(self, at_s: float) -> int:
        """Return the newest complete conversion; the input is integrated over one period, so take its middle."""
        if self._input is None:
            return 0
        rate = self._rate_hz
        number = int(at_s * rate)
        counts = self._input((number - 0.5) / rate, number) * self._counts_per_volt + self._offset
        if counts >= 32767.0:
            return 32767
        return int(counts + 32768.5) - 32768 if counts > -32768.0 else -32768


def create_ads1114(world: World, address: int, inputs: Mapping[int, VoltsAt]) -> Ads111x:
    """Return an ADS1114 with offset and gain errors of its own."""
    return _create(world, address, inputs, has_mux=False)


def create_ads1115(world: World, address: int, inputs: Mapping[int, VoltsAt]) -> Ads111x:
    """Return an ADS1115 with offset and gain errors of its own."""
    return _create(world, address, inputs, has_mux=True)


def _create(world: World, address: int, inputs: Mapping[int, VoltsAt], *, has_mux: bool) -> Ads111x:
    errors = random.Random(f"{world.seed}/chip/{address}")
    spread = world.scenario.spread
    return Ads111x(
        inputs,
        has_mux=has_mux,
        offset_counts=errors.uniform(-3.0, 3.0) * min(1.0, spread),
        gain_error=errors.gauss(0.0, 0.0005) * spread,
    )
