"""Scores of an online estimator against the known growth rate of a recording."""

from __future__ import annotations

import csv
import gzip
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.growth.families import Recording
from pioreactor.science.growth_rate import Assumptions, Dose, GrowthRateEstimator, smooth


@dataclass(frozen=True, slots=True)
class Score:
    """RMSE and 95th percentile of the error [1/h] after half an hour, share within the 95 % band, cost [µs]."""

    rmse: float
    p95: float
    coverage: float
    us_per_update: float


def run(recording: Recording, assumptions: Assumptions | None = None) -> tuple[np.ndarray, np.ndarray, float]:
    """Feed a recording in time order; return growth rates, their standard deviations, and µs per update."""
    filter_ = GrowthRateEstimator(vial_volume_ml=14.0, assumptions=assumptions)
    doses = recording.doses
    k, n = 0, len(doses)
    rates, sds = [], []
    began = time.process_time()
    for t, od in zip(recording.time_h, recording.od, strict=True):
        while k < n and doses[k][0] <= t + 1e-9:
            filter_.dose(doses[k][0] * 3600, doses[k][1], doses[k][2])
            k += 1
        estimate = filter_.update(t * 3600, od)
        rates.append(estimate.growth_rate)
        sds.append(estimate.growth_rate_sd)
    us = (time.process_time() - began) / len(rates) * 1e6
    return np.asarray(rates), np.asarray(sds), us


def score(recording: Recording, assumptions: Assumptions | None = None) -> Score:
    """Score the online estimator: every estimate knows only what came before."""
    rates, sds, us = run(recording, assumptions)
    return _judge(recording, rates, sds, us)


def score_smoothed(recording: Recording, assumptions: Assumptions | None = None) -> Score:
    """Score the offline smoother on the same recording."""
    began = time.process_time()
    estimates = smooth(
        [t * 3600 for t in recording.time_h],
        recording.od,
        [Dose(t * 3600, added_ml, volume_ml) for t, added_ml, volume_ml in recording.doses],
        assumptions=assumptions,
    )
    us = (time.process_time() - began) / len(estimates) * 1e6
    rates = np.array([each.growth_rate for each in estimates])
    return _judge(recording, rates, np.array([each.growth_rate_sd for each in estimates]), us)


def _judge(recording: Recording, rates: np.ndarray, sds: np.ndarray, us: float) -> Score:
    late = np.asarray(recording.time_h) > 0.5
    error = (rates - np.asarray(recording.true_growth))[late]
    return Score(
        float(math.sqrt(np.mean(error**2))),
        float(np.quantile(np.abs(error), 0.95)),
        float(np.mean(np.abs(error) <= 1.96 * sds[late])),
        us,
    )


def load_recording(folder: Path, name: str, column: str = "od_reading") -> Recording:
    """Read one family of the published benchmark; volumes follow its doses, 14 mL before the first."""
    times: list[float] = []
    od: list[float] = []
    truth: list[float] = []
    with gzip.open(folder / f"{name}.readings.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            times.append(float(row["time_h"]))
            od.append(float(row[column]))
            truth.append(float(row["true_growth_rate_per_h"]))
    doses: list[tuple[float, float, float]] = []
    volume = 14.0
    with (folder / f"{name}.doses.csv").open() as lines:
        for row in csv.DictReader(lines):
            ml = float(row["nominal_volume_ml"])
            if row["event"] == "remove_waste":
                volume = max(volume - ml, 14.0)
            else:
                doses.append((float(row["time_h"]), ml, volume))
                volume += ml
    return Recording(name, times, od, truth, doses)
