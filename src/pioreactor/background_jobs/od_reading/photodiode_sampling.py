"""One reading of the photodiodes: a burst of samples, interleaved over the channels, reduced to one level each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pioreactor.clock.ports import Clock
from pioreactor.devices.ports import Photodiode
from pioreactor.exc import StoppedError
from pioreactor.science.od_signal import LevelEstimator, schedule
from pioreactor.types import PdChannel

SAMPLES = 40
BURST_S = 0.85
"""Long enough for several periods of what mains hum becomes when sampled (spec §3.2)."""
LATEST_SAMPLE_S = 0.9
"""Where many channels share one slow converter, a burst has fewer samples rather than a longer time."""
TOO_BRIGHT_VOLTS = 3.2
BRIGHT_VOLTS = 3.0
NEWEST = 0.95
"""Weight of the newest level in the one that gains are chosen by."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What one burst says: volts per channel, dark offsets removed; not clipped, so noise around nothing is nothing."""

    volts: Mapping[PdChannel, float]
    brightest: PdChannel
    brightest_volts: float
    """Of the converter's input, dark offset included: this is what can harm it."""


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
        self._still_wanted = still_wanted
        self._estimators = {channel: LevelEstimator() for channel in diodes}
        self._dark: dict[PdChannel, float] = dict.fromkeys(diodes, 0.0)
        self._smoothed: dict[PdChannel, float] = {}

    def measure_dark(self) -> Mapping[PdChannel, float]:
        """Take a burst with all LEDs off and subtract it from now on [V]; raise `StoppedError` if asked to stop."""
        for diode in self._diodes.values():
            diode.fit_range(0.0)
        self._dark = self._burst()
        return dict(self._dark)

    def fit_ranges(self) -> Levels:
        """Look at the levels with the light on, from the least sensitive gain, and choose each diode's gain."""
        self.widen()
        raw = self._burst()
        for channel, level in raw.items():
            self._diodes[channel].fit_range(level)
        return self._levels(raw)

    def widen(self) -> None:
        """Expect as much light as can be: the next reading chooses gains again."""
        self._smoothed.clear()
        for diode in self._diodes.values():
            diode.fit_range(TOO_BRIGHT_VOLTS)

    def read(self) -> Levels:
        """Take one burst, and choose gains for the next; raise `StoppedError` when asked to stop meanwhile."""
        raw = self._burst()
        for channel, level in raw.items():
            before = self._smoothed.get(channel, level)
            self._smoothed[channel] = smoothed = NEWEST * level + (1 - NEWEST) * before
            self._diodes[channel].fit_range(max(smoothed, level))
        return self._levels(raw)

    def _levels(self, raw: Mapping[PdChannel, float]) -> Levels:
        brightest = max(raw, key=raw.__getitem__)
        dark = self._dark
        return Levels({channel: level - dark[channel] for channel, level in raw.items()}, brightest, raw[brightest])

    def _burst(self) -> dict[PdChannel, float]:
        clock = self._clock
        monotonic, sleep, still_wanted = clock.monotonic, clock.sleep, self._still_wanted
        volts: dict[PdChannel, list[float]] = {channel: [] for channel in self._diodes}
        reads = [(volts[channel].append, diode.read_volts) for channel, diode in self._diodes.items()]
        start_s = monotonic()
        times: list[float] = []
        for k in range(SAMPLES):
            wait_s = start_s + k * (BURST_S / (SAMPLES - 1)) - monotonic()
            if wait_s > 0:
                sleep(wait_s)
            at_s = monotonic() - start_s
            if not still_wanted():
                raise StoppedError("asked to stop in the middle of a reading")
            if at_s > LATEST_SAMPLE_S:
                break
            times.append(at_s)
            for keep, read_volts in reads:
                keep(read_volts())
        moments = schedule(times, mains_hz=self._mains_hz)
        return {channel: self._estimators[channel].level(moments, samples) for channel, samples in volts.items()}
