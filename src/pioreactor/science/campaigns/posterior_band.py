"""What is known of an objective along one factor at a time, the others kept."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from pioreactor.science.campaigns.factors import Setting
from pioreactor.science.campaigns.gaussian_process import GaussianProcess
from pioreactor.science.campaigns.search_space import SearchSpace
from pioreactor.science.campaigns.suggestions import Record, process_of

POINTS: Final = 41
BAND_SD: Final = 1.96


class Band(msgspec.Struct, frozen=True):
    """Predicted mean of the objective along a factor, and the band that holds it with a probability of 95 %."""

    factor: str
    unit: str
    at: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]
    is_allowed: list[bool]
    """Whether the limits allow the setting."""


def bands(record: Record, setting: Setting) -> list[Band]:
    """Return a band for each factor through a setting; none before two settings have a value."""
    process = process_of(record)
    if process is None:
        return []
    return [_band(record, process, setting, index) for index in range(len(record.space.factors))]


def _band(record: Record, process: GaussianProcess, setting: Setting, index: int) -> Band:
    space: SearchSpace = record.space
    factor = space.factors[index]
    rows = np.repeat(space.rows([setting]), POINTS, axis=0)
    rows[:, index] = np.linspace(factor.low, factor.high, POINTS)
    mean, sd = process.predict(space.cube_of(rows))
    mean = mean if record.maximize else -mean
    return Band(
        factor=factor.name,
        unit=factor.unit,
        at=rows[:, index].tolist(),
        mean=mean.tolist(),
        low=(mean - BAND_SD * sd).tolist(),
        high=(mean + BAND_SD * sd).tolist(),
        is_allowed=space.is_allowed(rows).tolist(),
    )
