"""Sampling of the photodiodes: a burst of samples, interleaved over the channels, reduced to one level each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pioreactor.clock.ports import Clock
from pioreactor.devices.ports import Photodiode
from pioreactor.exc import StoppedError
from pioreactor.science.od_signal import LevelEstimator, schedule
from pioreactor.types import PdAngle, PdChannel

SAMPLES = 40
BURST_S = 0.85
"""Long enough for several periods of the aliased mains hum."""
LATEST_SAMPLE_S = 0.9
"""With many channels on one slow converter, a burst has fewer samples instead of taking longer."""
TOO_BRIGHT_VOLTS = 3.2
BRIGHT_VOLTS = 3.0
NEWEST_WEIGHT = 0.95
"""Weight of the newest level in the average that selects gains."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Result of one burst: volts per channel without dark offsets; not clipped at 0, so that noise averages out."""

    volts: Mapping[PdChannel, float]
    brightest: PdChannel
    brightest_volts: float
    """Voltage at the converter's input, dark offset included, which may damage it."""


class PhotodiodeArray:
    """All photodiodes of a reactor, read together."""

    def __init__(
        self,
        diodes: Mapping[PdChannel, Photodiode],
        clock: Clock,
        *,
        mains_hz: float | None,
        should_continue: Callable[[], bool],
    ) -> None:
        self._diodes = dict(diodes)
        self._clock = clock
        self._mains_hz = mains_hz
        self._should_continue = should_continue
        self._estimators = {channel: LevelEstimator() for channel in diodes}
        self._dark: dict[PdChannel, float] = dict.fromkeys(diodes, 0.0)
        self._smoothed: dict[PdChannel, float] = {}

    def measure_dark(self) -> Mapping[PdChannel, float]:
        """Measure the dark offsets with all LEDs off [V] and subtract them from now on; may raise `StoppedError`."""
        for diode in self._diodes.values():
            diode.fit_range(0.0)
        self._dark = self._burst()
        return dict(self._dark)

    def fit_ranges(self) -> Levels:
        """Measure the levels with the light on, from the least sensitive gain, and select the gain of each diode."""
        self.widen()
        raw = self._burst()
        for channel, level in raw.items():
            self._diodes[channel].fit_range(level)
        return self._levels(raw)

    def widen(self) -> None:
        """Select the least sensitive gains: the next reading selects them again."""
        self._smoothed.clear()
        for diode in self._diodes.values():
            diode.fit_range(TOO_BRIGHT_VOLTS)

    def read(self) -> Levels:
        """Take one burst and select gains for the next; raise `StoppedError` on a stop request."""
        raw = self._burst()
        for channel, level in raw.items():
            before = self._smoothed.get(channel, level)
            self._smoothed[channel] = smoothed = NEWEST_WEIGHT * level + (1 - NEWEST_WEIGHT) * before
            self._diodes[channel].fit_range(max(smoothed, level))
        return self._levels(raw)

    def _levels(self, raw: Mapping[PdChannel, float]) -> Levels:
        brightest = max(raw, key=raw.__getitem__)
        dark = self._dark
        return Levels({channel: level - dark[channel] for channel, level in raw.items()}, brightest, raw[brightest])

    def _burst(self) -> dict[PdChannel, float]:
        clock = self._clock
        monotonic, sleep, should_continue = clock.monotonic, clock.sleep, self._should_continue
        volts: dict[PdChannel, list[float]] = {channel: [] for channel in self._diodes}
        reads = [(volts[channel].append, diode.read_volts) for channel, diode in self._diodes.items()]
        start_s = monotonic()
        times: list[float] = []
        for k in range(SAMPLES):
            wait_s = start_s + k * (BURST_S / (SAMPLES - 1)) - monotonic()
            if wait_s > 0:
                sleep(wait_s)
            at_s = monotonic() - start_s
            if not should_continue():
                raise StoppedError("asked to stop in the middle of a reading")
            if at_s > LATEST_SAMPLE_S:
                break
            times.append(at_s)
            for keep, read_volts in reads:
                keep(read_volts())
        moments = schedule(times, mains_hz=self._mains_hz)
        return {channel: self._estimators[channel].level(moments, samples) for channel, samples in volts.items()}


def configured_channels(
    photodiodes: Mapping[PdChannel, str],
) -> tuple[dict[PdChannel, PdAngle], PdChannel | None]:
    """Split `[od_config.photodiode_channel]` into channel → angle, and the reference channel."""
    angles: dict[PdChannel, PdAngle] = {}
    reference: PdChannel | None = None
    for channel, role in photodiodes.items():
        if role == "REF":
            reference = channel
        else:
            angles[channel] = role  # type: ignore[assignment]
    return angles, reference


def channels_of_roles(roles: tuple[str | None, ...]) -> Iterator[tuple[PdChannel, str]]:
    """Return channel and role for each of photodiodes 1–4 that has one."""
    channels: tuple[PdChannel, ...] = ("1", "2", "3", "4")
    return ((channel, role) for channel, role in zip(channels, roles, strict=False) if role)
