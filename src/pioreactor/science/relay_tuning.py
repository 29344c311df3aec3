"""Measures how a loop responds by a bounded relay experiment, and derives robust gains from it.

The relay method is that of K. J. Åström and T. Hägglund, Automatica 20 (1984) 645–651. The rule for gains is that of
B. D. Tyreus and W. L. Luyben, Ind. Eng. Chem. Res. 31 (1992) 2625–2628, made for processes that integrate.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median, stdev
from typing import Final

from pioreactor.science.bumpless_pid import PidGains

MIN_CYCLES, MAX_CYCLES = 3, 10
"""Numbers of last cycles of which the mean is taken: as few as are sure enough."""
MAX_ERROR: Final = 0.12
"""Cycles are alike enough when the standard errors of their mean gain and period are below this fraction."""
MIN_SAMPLES: Final = 6
"""A period shorter than so many decisions is not resolved."""
NOISE_SDS: Final = 3.0
SD_OF_MEDIAN: Final = 1.4826
"""Standard deviation of normal noise over the median of its sizes."""
TYREUS_LUYBEN_GAIN, TYREUS_LUYBEN_TIME = 1 / 3.2, 2.2


@dataclass(frozen=True, slots=True)
class Ultimate:
    """The gain at which a loop would oscillate for ever, and the period of that."""

    gain: float
    period: float

    def pi_gains(self) -> PidGains:
        """Return gains of a PI controller by the rule of Tyreus and Luyben."""
        return PidGains(self.gain * TYREUS_LUYBEN_GAIN, self.period * TYREUS_LUYBEN_TIME)


@dataclass(frozen=True, slots=True)
class Cycle:
    """One oscillation: its period, the ultimate gain that follows from it, and the mean output."""

    period: float
    gain: float
    mean_output: float
    samples: int


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    measured: float
    output: float


def measure_cycle(samples: list[_Sample]) -> Cycle:
    """Compare the first harmonics of output and measurement over one oscillation; its end is the last sample.

    Harmonics do not depend on the wave's form, and noise averages out in them, which it does not in peaks.
    """
    begin, period = samples[0].at, samples[-1].at - samples[0].at
    omega = 2 * math.pi / period
    output = measured = 0j
    total = 0.0
    for one, following in pairwise(samples):
        dt = following.at - one.at
        turn = cmath.exp(-1j * omega * ((one.at + following.at) / 2 - begin)) * dt
        output += one.output * turn
        measured += (one.measured + following.measured) / 2 * turn
        total += one.output * dt
    response = abs(measured) / max(abs(output), 1e-300)
    return Cycle(period, 1 / max(response, 1e-300), total / period, len(samples) - 1)


def _relative_error(values: list[float]) -> float:
    """Return the standard error of the mean of values above 0, as a fraction of it."""
    return stdev(values) / math.sqrt(len(values)) / fmean(values)


@dataclass
class RelayExperiment:
    """Switches the output between two levels, so that the measurement oscillates around the set point.

    `low` and `high` bound the output, `amplitude` is half the distance of the levels at first. They are centered on the
    output that holds the set point, as the cycles show it. `hysteresis` 0: three times the noise of the readings.
    """

    setpoint: float
    low: float
    high: float
    amplitude: float
    hysteresis: float
    is_raising: bool
    """Whether more output raises the measurement."""
    cycles: list[Cycle] = field(default_factory=list, init=False)
    _bias: float = field(init=False)
    _span: float = field(init=False)
    _is_up: bool | None = field(default=None, init=False)
    """Whether the measurement is driven up; None before the first decision."""
    _samples: list[_Sample] = field(default_factory=list, init=False)
    _recent: list[float] = field(default_factory=list, init=False)
    _bends: list[float] = field(default_factory=list, init=False)
    """Sizes of second differences of the readings: noise makes them, and a steady rise does not."""
    _is_first_cycle: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        self._bias, self._span = (self.low + self.high) / 2, self.amplitude

    @property
    def bias(self) -> float:
        """Return the output that has held the measurement on average."""
        return self._bias

    @property
    def ultimate(self) -> Ultimate | None:
        """Return the result once enough cycles are alike."""
        if self.is_too_fast:
            return None
        for number in range(MIN_CYCLES, min(len(self.cycles), MAX_CYCLES) + 1):
            gains = [one.gain for one in self.cycles[-number:]]
            periods = [one.period for one in self.cycles[-number:]]
            if max(_relative_error(gains), _relative_error(periods)) <= MAX_ERROR:
                return Ultimate(fmean(gains), fmean(periods))
        return None

    @property
    def is_too_fast(self) -> bool:
        """Return whether the last cycles had too few decisions to be measured."""
        return bool(self.cycles) and fmean(one.samples for one in self.cycles[-MIN_CYCLES:]) < MIN_SAMPLES

    def update(self, measured: float, at: float) -> float:
        """Return the output from now on, at a time in any unit."""
        self._recent = [*self._recent[-2:], measured]
        if len(self._recent) == 3:
            self._bends.append(abs(self._recent[0] - 2 * self._recent[1] + self._recent[2]))
        error, width = self.setpoint - measured, self._width()
        was_up = self._is_up
        if was_up is None or abs(error) > width:
            self._is_up = error > 0
        if was_up is False and self._is_up:
            self._end_cycle(_Sample(at, measured, 0.0))
        output = self._level()
        self._samples.append(_Sample(at, measured, output))
        return output

    def _end_cycle(self, last: _Sample) -> None:
        if not self._is_first_cycle:
            cycle = measure_cycle([*self._samples, last])
            self.cycles.append(cycle)
            self._bias = cycle.mean_output
            room = min(self._bias - self.low, self.high - self._bias)
            self._span = min(self.amplitude, max(room, self.amplitude / 4))
        self._is_first_cycle = False
        self._samples = []

    def _width(self) -> float:
        if self.hysteresis > 0 or not self._bends:
            return self.hysteresis
        return NOISE_SDS * median(self._bends) * SD_OF_MEDIAN / math.sqrt(6)

    def _level(self) -> float:
        wants_more = self._is_up == self.is_raising
        return min(max(self._bias + (self._span if wants_more else -self._span), self.low), self.high)

    def failure(self) -> str:
        """Say why there is no result yet."""
        if self.is_too_fast:
            return "it oscillates as fast as the output is decided: decide more often, or give a larger hysteresis"
        if not self.cycles:
            return (
                "it does not oscillate around the set point: check the effect of more output, and the output's limits"
            )
        cycles = self.cycles[-MAX_CYCLES:]
        gains, periods = [one.gain for one in cycles], [one.period for one in cycles]
        return (
            f"its oscillations are not alike, with periods of {min(periods):.3g} to {max(periods):.3g} min and "
            f"sizes that differ {max(gains) / min(gains):.1f} times: give it more time, or a larger amplitude"
        )
