"""What is known of an objective along one factor at a time, the others kept."""

from __future__ import annotations

from typing import Final

import numpy as np

from pioreactor.science.campaigns.factors import FactorBand, Setting
from pioreactor.science.campaigns.gaussian_process import GaussianProcess
from pioreactor.science.campaigns.search_space import SearchSpace
from pioreactor.science.campaigns.suggestions import Record, process_of

POINTS: Final = 41
BAND_SD: Final = 1.96


def bands(record: Record, setting: Setting) -> list[FactorBand]:
    """Return a band for each factor through a setting; none before two settings have a value."""
    process = process_of(record, failures_as_worst=True)
    if process is None:
        return []
    return [_band(record, process, setting, index) for index in range(len(record.space.factors))]


def _band(record: Record, process: GaussianProcess, setting: Setting, index: int) -> FactorBand:
    space: SearchSpace = record.space
    factor = space.factors[index]
    rows = np.repeat(space.rows([setting]), POINTS, axis=0)
    rows[:, index] = np.linspace(factor.low, factor.high, POINTS)
    mean, sd = process.predict(space.cube_of(rows))
    mean = mean if record.maximize else -mean
    return FactorBand(
        factor=factor.name,
        unit=factor.unit,
        at=rows[:, index].tolist(),
        mean=mean.tolist(),
        low=(mean - BAND_SD * sd).tolist(),
        high=(mean + BAND_SD * sd).tolist(),
        is_allowed=space.is_allowed(rows).tolist(),
    )
