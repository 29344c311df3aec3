"""The level of a burst of samples, free of mains hum and of outliers.

Hum of 50 and of 60 Hz is projected out together, so nothing has to be detected and nothing can be detected wrongly
(`docs/explanations/od-signal.md`). Hum that is stronger than the noise shows how far the mains are off their frequency:
it is followed.
Outliers are looked for only where a burst scatters more than its channel usually does: then the fit is done again,
first to the samples that agree best, then to all that agree with those.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from pioreactor.science.burst_fit import Fit, Schedule, schedule

__all__ = ["LevelEstimator", "Schedule", "schedule"]

SUSPICIOUS_K = 3.7
"""A burst with a sample beyond so many of its channel's standard deviations is looked at more closely,"""
UNUSUAL_SPREAD = 1.5
"""and so is one that scatters so many times as much as its channel does."""
BENT = 2.5
"""Up to so many times the scatter of the samples that agree, all samples together have no spikes."""
NOISE_FOLLOWS = 0.2
"""Part of the way that the remembered noise goes towards that of each burst."""

STRONG_HUM = 0.8
"""Hum of this amplitude, in standard deviations of a sample, is followed; white noise looks so once in 600 bursts."""
FAINT_HUM = 0.6
"""Below this it is no longer followed."""
FARTHEST_OFF = 0.015
"""Public grids keep within 0.4 %, generators within 1 %."""
SEARCHED = (0.0, -0.003, 0.003, -0.006, 0.006, -0.009, 0.009, -0.012, 0.012)
"""Deviations tried when hum is met for the first time: a burst of 0.85 s tells frequencies 1.2 Hz apart."""
SEARCHED_CLOSER = (0.0015, 0.00075)
"""Then around the best of them, since spikes hide the slope by which a deviation is followed."""
GRID_HZ = 0.05
"""Followed frequencies are multiples of this, so that their schedules repeat."""
BEST_BY = 0.9
"""Mains off their frequency must explain a burst so much better than mains that are not."""
STEPS_OF_FOLLOWING = 4
CURVED = 0.5
"""A deviation is not small when the second order of its hum is this part of the noise."""


class Found(NamedTuple):
    """A fit, and the frequency of the mains that it followed; None: it took both as they should be."""

    fit: Fit
    hz: float | None


class LevelEstimator:
    """Reduces the bursts of one channel to levels. It remembers how noisy the channel is, and the frequency of hum."""

    def __init__(self) -> None:
        self._noise: float | None = None
        self._hum_hz: float | None = None

    def level(self, moments: Schedule, values: Sequence[float]) -> float:
        """Return the level of samples in their unit; 0 when there are none. It may be below 0, as noise is."""
        if not moments.is_long_enough:
            return median(values) if values else 0.0
        found = Found(moments.fit(values), None) if self._hum_hz is None else _followed(moments, values, self._hum_hz)
        if self._is_usual(found.fit):
            if found.hz is None and found.fit.hum > STRONG_HUM * found.fit.noise:
                found = _followed(moments, values, moments.strongest_hz(found.fit))
            noise = found.fit.noise
        else:
            all_agree = found.fit.noise
            found = self._looked_at_closely(moments, values)
            noise = found.fit.noise
            # A warming LED bends each burst alike: that is this channel's usual scatter, no reason to look closer.
            noise = all_agree if all_agree <= BENT * noise else noise
        self._hum_hz = found.hz if found.fit.hum > FAINT_HUM * found.fit.noise else None
        known = self._noise
        self._noise = noise if known is None else known + NOISE_FOLLOWS * (noise - known)
        return found.fit.level

    def _is_usual(self, fit: Fit) -> bool:
        """Return whether a burst scatters like earlier ones; outliers that mask one another increase the scatter."""
        noise = self._noise
        if noise is None or fit.noise > UNUSUAL_SPREAD * noise:
            return False
        limit = SUSPICIOUS_K * noise
        return -limit <= min(fit.residuals) and max(fit.residuals) <= limit

    def _looked_at_closely(self, moments: Schedule, values: Sequence[float]) -> Found:
        """Fit the samples that agree: with the mains as they were, or if that does not explain them, as they may be."""
        if self._hum_hz is not None and self._noise is not None:
            found = _followed(moments, values, self._hum_hz, robustly=True)
            if found.fit.noise <= UNUSUAL_SPREAD * self._noise:
                return found
        fit = moments.robust_fit(values)
        is_explained = self._noise is not None and fit.noise <= UNUSUAL_SPREAD * self._noise
        if is_explained and fit.hum <= STRONG_HUM * fit.noise:
            return Found(fit, None)
        return _searched(moments, values, fit)


def _searched(moments: Schedule, values: Sequence[float], plain: Fit) -> Found:
    """Look for the frequency of the mains that explains a burst best."""

    def scatter_at(hz: float) -> float:
        tuned = moments.followed_at(hz)
        if not tuned.tells_level_from_hum:
            return math.inf
        fit = tuned.least_absolute(values)
        # Sampled, 59.55 Hz looks like the third harmonic of 50.45 Hz; mains have most of their hum in the fundamental.
        return fit.typical if fit.hum == fit.amplitudes[0] else math.inf

    tried = {hz: scatter_at(hz) for nominal in moments.frequencies for hz in (nominal * (1 + off) for off in SEARCHED)}
    best_hz = min(tried, key=tried.__getitem__)
    for part in SEARCHED_CLOSER:
        tried |= {hz: scatter_at(hz) for hz in (best_hz * (1 - part), best_hz * (1 + part))}
        best_hz = min(tried, key=tried.__getitem__)
    if tried[best_hz] > BEST_BY * plain.typical:
        return Found(plain, None)
    return _followed(moments, values, best_hz, robustly=True)


def _followed(moments: Schedule, values: Sequence[float], hz: float, *, robustly: bool = False) -> Found:
    """Fit the level and hum of about this frequency, wherever it is by now."""
    nominal_hz = min(moments.frequencies, key=lambda mains_hz: abs(mains_hz - hz))
    for _ in range(STEPS_OF_FOLLOWING):
        hz = GRID_HZ * round(hz / GRID_HZ)
        tuned = moments.followed_at(hz)
        if not tuned.tells_level_from_hum:
            return Found(moments.robust_fit(values) if robustly else moments.fit(values), None)
        fit, off_hz = tuned.follow(values, tuned.robust_fit(values) if robustly else None)
        turn = math.pi * off_hz * moments.duration_s
        if fit.hum * turn * turn <= CURVED * fit.noise:
            break
        farthest_hz = FARTHEST_OFF * nominal_hz
        hz = nominal_hz + min(max(hz + off_hz - nominal_hz, -farthest_hz), farthest_hz)
    return Found(fit, hz)
