"""Growth rate of a whole recording, smoothed with the readings before and after: for exports and plots."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from pioreactor.science.growth_rate.estimator import Assumptions, Estimate, GrowthRateEstimator

SECONDS_PER_HOUR = 3600.0
LATENESS = 3.0
"""Backwards, a dose begins where mixing ended: this many mixing times after it was announced."""
LATENESS_WHILE_MIXING = 1.5
"""The same where readings during mixing are kept; their noise is raised, for longer, by `MIXING_NOISE_FACTOR`."""
MIXING_NOISE_FACTOR = 2.0
MIN_GAIN_SD = 0.02
BEFORE_S = 5.0
AFTER_S = 40.0
"""Readings from this long before a dose to this long after it are skipped in the backward pass."""
MAX_SKIPPED_SHARE = 0.25
"""A recording that would lose more than this share, because doses are frequent, keeps them all."""
_USABLE = frozenset({"used", "outlier", "level_shift"})


class Dose(NamedTuple):
    """A slice of liquid added: when announced [s], how much [mL], and what the vial held before [mL]."""

    t_s: float
    added_ml: float
    vial_volume_ml: float | None = None


def replay(
    times_s: Iterable[float],
    ods: Iterable[float],
    doses: Sequence[Dose],
    estimator: GrowthRateEstimator,
) -> Iterator[Estimate]:
    """Feed readings and doses (both in time order) as they came; yield an estimate after every reading."""
    upcoming = 0
    for t_s, od in zip(times_s, ods, strict=True):
        while upcoming < len(doses) and doses[upcoming].t_s <= t_s:
            estimator.dose(*doses[upcoming])
            upcoming += 1
        yield estimator.update(t_s, od)


def smooth(
    times_s: Sequence[float],
    ods: Sequence[float],
    doses: Sequence[Dose] = (),
    *,
    vial_volume_ml: float = 14.0,
    assumptions: Assumptions | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[Estimate]:
    """Estimate every moment from the readings before and after it: no lag, smaller errors.

    The online estimator runs forwards and backwards through the recording, and the two are weighted by their variances
    (a two-filter smoother). The share of growth that follows doses is learned in a first pass and removed before
    the others, because it has no meaning backwards. Times must not decrease. `progress` is called with the share done.
    """
    online = assumptions if assumptions is not None else Assumptions()
    plain = replace(online, fed_weight=0.0, earn_band=False)
    tell = _Progress(progress, 3 * len(times_s))
    first = GrowthRateEstimator(vial_volume_ml=vial_volume_ml, assumptions=online)
    boosts: list[tuple[float, float]] = []
    outcomes: list[Estimate] = []
    for estimate in tell.each(replay(times_s, ods, doses, first)):
        boosts.append(first.boosted_rate)
        outcomes.append(estimate)
    gathered = _integral(times_s, [rate for rate, _ in boosts])
    steady = [od * math.exp(-extra) for od, extra in zip(ods, gathered, strict=True)]
    forward = list(
        tell.each(replay(times_s, steady, doses, GrowthRateEstimator(vial_volume_ml=vial_volume_ml, assumptions=plain)))
    )
    settled = _without_mixing(times_s, steady, doses)
    late_s = (LATENESS if settled is not None else LATENESS_WHILE_MIXING) * online.mixing_s
    reverse_doses = [Dose(-(dose.t_s + late_s), -dose.added_ml, dose.vial_volume_ml) for dose in reversed(doses)]
    reverse_times = [-t_s for t_s in reversed(times_s)]
    known = _with_gain_of(plain, forward[-1]) if forward else plain
    if settled is None:
        known = replace(
            known,
            settling_s=MIXING_NOISE_FACTOR * known.settling_s,
            unsettled_sd=MIXING_NOISE_FACTOR * known.unsettled_sd,
        )
    backward = list(
        tell.each(
            replay(
                reverse_times,
                (settled if settled is not None else steady)[::-1],
                reverse_doses,
                GrowthRateEstimator(vial_volume_ml=vial_volume_ml, assumptions=known),
            )
        )
    )
    backward.reverse()
    return [
        _fuse(ahead, behind, boost, extra, online_estimate)
        for ahead, behind, boost, extra, online_estimate in zip(
            forward, backward, boosts, gathered, outcomes, strict=True
        )
    ]


def _with_gain_of(plain: Assumptions, last: Estimate) -> Assumptions:
    """Start backwards from the pump gain that the recording ends with."""
    return replace(
        plain,
        start_gain=last.pump_gain,
        gain_sd=min(plain.gain_sd, max(MIN_GAIN_SD, 2 * last.pump_gain_sd)),
    )


def _without_mixing(times_s: Sequence[float], ods: Sequence[float], doses: Sequence[Dose]) -> list[float] | None:
    """Replace readings taken while a dose mixes by NaN.

    Backwards, the slow end of mixing comes before the dose does and looks like growth. None if too many would go.
    """
    out = list(ods)
    until_s = -math.inf
    skipped = 0
    upcoming = 0
    for i, t_s in enumerate(times_s):
        while upcoming < len(doses) and doses[upcoming].t_s - BEFORE_S <= t_s:
            until_s = max(until_s, doses[upcoming].t_s + AFTER_S)
            upcoming += 1
        if t_s <= until_s:
            out[i] = math.nan
            skipped += 1
    return out if skipped <= MAX_SKIPPED_SHARE * len(out) else None


def _integral(times_s: Sequence[float], rates: Sequence[float]) -> list[float]:
    """Return the integral of a growth rate [1/h] since the first reading, in ln OD."""
    total = 0.0
    out: list[float] = []
    previous: float | None = None
    for t_s, rate in zip(times_s, rates, strict=True):
        if previous is not None and t_s > previous:
            total += rate * min((t_s - previous) / SECONDS_PER_HOUR, 1.0)
        previous = t_s
        out.append(total)
    return out


def _fuse(ahead: Estimate, behind: Estimate, boosted: tuple[float, float], extra: float, online: Estimate) -> Estimate:
    rate, rate_sd = _weighted_mean(ahead.growth_rate, ahead.growth_rate_sd, -behind.growth_rate, behind.growth_rate_sd)
    boost, boost_var = boosted
    rate_sd = math.sqrt(rate_sd * rate_sd + boost_var)
    gain, gain_sd = _weighted_mean(ahead.pump_gain, ahead.pump_gain_sd, behind.pump_gain, behind.pump_gain_sd)
    if ahead.outcome not in _USABLE or behind.outcome not in _USABLE:
        return online._replace(growth_rate=rate + boost, growth_rate_sd=rate_sd, pump_gain=gain, pump_gain_sd=gain_sd)
    level, level_sd = _weighted_mean(
        math.log(ahead.od_filtered),
        ahead.od_filtered_sd / ahead.od_filtered,
        math.log(behind.od_filtered),
        behind.od_filtered_sd / behind.od_filtered,
    )
    od = math.exp(level + extra)
    return Estimate(
        rate + boost, rate_sd, od, od * level_sd, gain, gain_sd, online.outlier, online.noise_cv, online.outcome
    )


def _weighted_mean(one: float, one_sd: float, other: float, other_sd: float) -> tuple[float, float]:
    """Return the weighted mean of two independent estimates, and its standard deviation."""
    one_var, other_var = one_sd * one_sd, other_sd * other_sd
    total = one_var + other_var
    if total == 0:
        return (one + other) / 2, 0.0
    return (one * other_var + other * one_var) / total, math.sqrt(one_var * other_var / total)


class _Progress:
    def __init__(self, tell: Callable[[float], None] | None, total: int) -> None:
        self._tell = tell
        self._total = max(total, 1)
        self._done = 0

    def each(self, estimates: Iterator[Estimate]) -> Iterator[Estimate]:
        for estimate in estimates:
            self._done += 1
            if self._tell is not None and self._done % 500 == 0:
                self._tell(self._done / self._total)
            yield estimate
