"""How fast the online estimator answers: growth that ends, cultures that already grow, doses, reading intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bench.growth.families import BENCHMARK, Family, constant, simulate
from bench.growth.scoring import run, score

CLOSE = 0.03
"""Error [1/h] below which a growth rate counts as known."""


def ramp(before: float, minutes: float, from_h: float) -> Callable[[float], float]:
    """Growth that falls to nothing within `minutes`."""
    return lambda t: before * min(1.0, max(0.0, 1 - (t - from_h) * 60 / minutes))


def recovery(before: float, minutes: float, seed: int) -> tuple[float, float]:
    """Minutes after the end of a ramp until the error stays small for ten minutes, and until it last was not."""
    from_h = math.log(30) / before
    end_h = from_h + minutes / 60
    family = Family(f"ramp_{before}_{minutes}", end_h + 2.5, 0.02, ramp(before, minutes, from_h))
    recording = simulate(family, seed)
    rates, _, _ = run(recording)
    after = np.asarray(recording.time_h) >= end_h
    far = np.abs(rates - np.asarray(recording.true_growth))[after] > CLOSE
    ten_minutes = 120
    settled = next((i for i in range(len(far)) if not far[i : i + ten_minutes].any()), len(far))
    last = int(np.flatnonzero(far)[-1]) if far.any() else 0
    return settled / 12, last / 12


def start_up(growth: float, seed: int) -> float:
    """Minutes from the first reading until the estimate is within 10 % and stays there for three minutes."""
    recording = simulate(Family(f"start_{growth}", 1.5, 0.05, constant(growth)), seed)
    rates, _, _ = run(recording)
    within = np.abs(rates - growth) <= 0.1 * growth
    return next((i for i in range(len(rates)) if within[i : i + 36].all()), len(rates)) / 12


@dataclass(frozen=True, slots=True)
class DosePeak:
    """Largest error [1/h] in the twenty minutes after the first dose into a settled culture at 0.5/h."""

    dosed: float
    undosed: float
    """The same culture with the same noise in the same minutes, had nothing been added."""
    added: float
    """Largest difference of the two estimates: what the doses themselves do."""


def dose_peak(added_ml: float, seed: int) -> DosePeak:
    """Simulate a culture twice, with its doses and without, under the same noise."""
    family = Family(f"dose_{added_ml}", 4, 0.05, constant(0.5), target_od=0.05 * math.exp(1.5), dose_ml=added_ml)
    recording = simulate(family, seed)
    undiluted = simulate(replace(family, target_od=None), seed).seen
    ods = [od * math.exp(a - b) for od, a, b in zip(recording.od, undiluted, recording.seen, strict=True)]
    first = recording.doses[0][0]
    t = np.asarray(recording.time_h)
    window = (t >= first - 0.002) & (t < first + 0.33)
    dosed = run(recording)[0][window] - 0.5
    undosed = run(replace(recording, od=ods, doses=[]))[0][window] - 0.5
    return DosePeak(*(float(np.max(np.abs(each))) for each in (dosed, undosed, dosed - undosed)))


def print_responses(seeds: range) -> None:
    print(
        "\ngrowth that ends: minutes until the error stays below 0.03/h for ten minutes (until it last was not), worst"
    )
    print(f"{'before':>8s} " + " ".join(f"{f'{minutes} min':>10s}" for minutes in (10, 30, 60, 120)))
    for before in (0.4, 0.6, 0.8, 1.0, 1.5):
        cells = []
        for minutes in (10, 30, 60, 120):
            found = [recovery(before, minutes, seed) for seed in seeds]
            cells.append(f"{max(a for a, _ in found):4.0f} ({max(b for _, b in found):3.0f})")
        print(f"{before:6.1f}/h " + " ".join(f"{cell:>10s}" for cell in cells), flush=True)
    many = range(seeds.start, seeds.start + 10)
    for growth in (0.1, 0.4, 0.8, 1.5):
        took = [start_up(growth, seed) for seed in many]
        print(f"already growing at {growth}/h: within 10 % after {np.median(took):.1f} min (worst {max(took):.1f})")
    for added_ml in (1.0, 5.0):
        peaks = [dose_peak(added_ml, seed) for seed in many]
        cells = []
        for what in ("dosed", "undosed", "added"):
            sizes = [getattr(peak, what) for peak in peaks]
            cells.append(f"{what} {np.mean(sizes):.4f}/h (worst {max(sizes):.4f})")
        print(f"first dose of {added_ml} mL, largest error: " + ", ".join(cells), flush=True)
    for interval_s in (1, 5, 15, 60):
        cells = []
        for family in (BENCHMARK[0], BENCHMARK[3]):
            changed = replace(family, interval_s=interval_s, hours=12)
            cells.append(f"{family.name} {np.mean([score(simulate(changed, s)).rmse for s in seeds]):.4f}")
        print(f"a reading every {interval_s} s: RMSE " + ", ".join(cells), flush=True)
