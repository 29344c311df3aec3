"""One reading of the photodiodes: a burst of samples, interleaved over the channels, reduced to one level each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pioreactor.clock.ports import Clock
from pioreactor.devices.ports import Photodiode
from pioreactor.science.od_signal import LevelEstimator, schedule
from pioreactor.types import PdChannel

SAMPLES = 40
BURST_S = 0.85
"""Long enough for several periods of what mains hum becomes when sampled (spec §3.2)."""
TOO_BRIGHT_VOLTS = 3.2
BRIGHT_VOLTS = 3.0


@dataclass(frozen=True)
class Levels:
    """What one burst says: volts per channel, dark offsets removed."""

    volts: Mapping[PdChannel, float]
    brightest: PdChannel
    brightest_volts: float


class PhotodiodeArray:
    """All photodiodes of a reactor, read together."""

    def __init__(
        self,
        diodes: Mapping[PdChannel, Photodiode],
        clock: Clock,
        *,
        mains_hz: float | None,
        still_wanted: Callable[[], bool],
    ) -> None:
        self._diodes = dict(diodes)
        self._clock = clock
        self._mains_hz = mains_hz
        self._estimators = {channel: LevelEstimator() for channel in diodes}
        self._still_wanted = still_wanted
        self._dark: dict[PdChannel, float] = dict.fromkeys(diodes, 0.0)
        self._smoothed: dict[PdChannel, float] = {}

    def measure_dark(self) -> Mapping[PdChannel, float]:
        """Take a burst with all LEDs off and subtract it from now on [V]."""
        self._dark = self._estimate(*self._sample())
        return dict(self._dark)

    def fit_ranges(self) -> None:
        """Look at the levels with the light on, from the least sensitive gain, and choose each diode's gain."""
        for diode in self._diodes.values():
            diode.fit_range(TOO_BRIGHT_VOLTS)
        for channel, level in self._estimate(*self._sample()).items():
            self._diodes[channel].fit_range(level)

    def read(self) -> Levels:
        """Take one burst. Levels are not clipped at zero: noise around nothing averages to nothing."""
        raw = self._estimate(*self._sample())
        for channel, level in raw.items():
            before = self._smoothed.get(channel, level)
            self._smoothed[channel] = smoothed = 0.95 * level + 0.05 * before
            self._diodes[channel].fit_range(max(smoothed, level))
        brightest = max(raw, key=lambda channel: raw[channel])
        volts = {channel: level - self._dark[channel] for channel, level in raw.items()}
        return Levels(volts, brightest, raw[brightest])

    def _sample(self) -> tuple[list[float], dict[PdChannel, list[float]]]:
        clock = self._clock
        monotonic, sleep = clock.monotonic, clock.sleep
        volts: dict[PdChannel, list[float]] = {channel: [] for channel in self._diodes}
        reads = [(volts[channel].append, diode.read_volts) for channel, diode in self._diodes.items()]
        start_s = monotonic()
        times: list[float] = []
        for k in range(SAMPLES):
            wait_s = start_s + k * (BURST_S / (SAMPLES - 1)) - monotonic()
            if wait_s > 0:
                sleep(wait_s)
            times.append(monotonic() - start_s)
            for keep, read_volts in reads:
                keep(read_volts())
            if not self._still_wanted():
                break
        return times, volts

    def _estimate(self, times_s: Sequence[float], volts: Mapping[PdChannel, Sequence[float]]) -> dict[PdChannel, float]:
        moments = schedule(times_s, mains_hz=self._mains_hz)
        return {channel: self._estimators[channel].level(moments, samples) for channel, samples in volts.items()}
