"""Quantiles of what the runs of a rehearsal have found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pioreactor.experiment_profiles.rehearsal_data import Band, Range


def band_of(runs: Sequence[Sequence[float]], shown: Iterable[int]) -> Band:
    """Return the quantiles at each index; a run that has ended before stays at its last value."""
    ranges = [range_of([values[min(index, len(values) - 1)] for values in runs]) for index in shown]
    low, median, high = map(list, zip(*map(msgspec.structs.astuple, ranges), strict=True))
    return Band(low, median, high)


def range_of(values: Sequence[float]) -> Range:
    ordered = sorted(values)
    return Range(_quantile(ordered, 0.05), _quantile(ordered, 0.5), _quantile(ordered, 0.95))


def range_of_some(values: Sequence[float | None]) -> Range | None:
    """Return the quantiles of the values that are not None; None if there is none."""
    found = [value for value in values if value is not None]
    return range_of(found) if found else None


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, between two of them by proportion, to 6 digits."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    value = ordered[below] + (ordered[above] - ordered[below]) * (place - below)
    return float(f"{value:.6g}")
