"""Measures how far the level of a burst lies from the truth, and what it costs.

Conditions of estimation.md §4: a level of 50 mV, white noise of 0.6 mV a sample, 40 samples in 0.85 s; errors in % of
the level. Beside ours run the mean, the trimmed mean, and least squares at the one mains frequency that was chosen
beforehand, smallest and largest sample dropped.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pioreactor.science.od_signal import LevelEstimator, Schedule, schedule

SAMPLES = 40
BURST_S = 0.85
LEVEL_MV = 50.0
NOISE_MV = 0.6
Method = Callable[[Sequence[float], Sequence[float]], float]


@dataclass(frozen=True)
class Case:
    """One kind of trouble. `hum` and `spike` are parts of the level, `warm_up` the part missing at first (80 ms)."""

    name: str
    hum: float = 0.0
    hz: float = 50.0
    spikes: float = 0.0
    spike: float = 0.4
    both_signs: bool = False
    warm_up: float = 0.0
    level_mv: float = LEVEL_MV


CASES = [
    Case("white only"),
    Case("hum 4 %, 50 Hz", hum=0.04),
    Case("hum 40 %, 50 Hz", hum=0.4),
    Case("hum 40 %, 60 Hz", hum=0.4, hz=60.0),
    Case("hum 40 %, 0.3 % off", hum=0.4, hz=50.15),
    Case("5 % outliers", spikes=0.05),
    Case("5 % outliers, hum 4 %", spikes=0.05, hum=0.04),
    Case("5 % outliers, hum 40 %", spikes=0.05, hum=0.4, hz=60.0),
    Case("5 % outliers of 10 %", spikes=0.05, spike=0.1),
    Case("15 % outliers", spikes=0.15),
    Case("15 % outliers, hum 40 %", spikes=0.15, hum=0.4),
    Case("15 % outliers, both signs", spikes=0.15, both_signs=True),
    Case("LED warm-up 5 %", warm_up=0.05),
    Case("no signal", level_mv=0.0),
]


def burst(case: Case, rng: random.Random, *, jitter_s: float = 0.0) -> tuple[list[float], list[float]]:
    times = [k * BURST_S / (SAMPLES - 1) + rng.uniform(0, jitter_s) for k in range(SAMPLES)]
    phase = rng.uniform(0, 2 * math.pi)
    values = []
    for t in times:
        value = case.level_mv * (1 - case.warm_up * math.exp(-t / 0.08))
        value += case.hum * LEVEL_MV * math.sin(2 * math.pi * case.hz * t + phase) + rng.gauss(0, NOISE_MV)
        if rng.random() < case.spikes:
            sign = -1 if case.both_signs and rng.random() < 0.5 else 1
            value += sign * case.spike * LEVEL_MV
        values.append(value)
    return times, values


def mean(_times: Sequence[float], values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def trimmed_mean(_times: Sequence[float], values: Sequence[float]) -> float:
    return math.fsum(sorted(values)[1:-1]) / (len(values) - 2)


def one_frequency(times: Sequence[float], values: Sequence[float]) -> float:
    order = np.argsort(values)[1:-1]
    t, y = np.asarray(times)[order], np.asarray(values)[order]
    columns = np.stack([np.ones_like(t), np.sin(2 * np.pi * 50 * t), np.cos(2 * np.pi * 50 * t)], axis=1)
    return float(np.linalg.lstsq(columns, y, rcond=None)[0][0])


def ours() -> Method:
    """Return our estimator with a memory of its own, as each channel of a reader has."""
    estimator = LevelEstimator()
    return lambda times, values: estimator.level(schedule(times), values)


def errors(method: Method, case: Case, readings: int, *, jitter_s: float = 0.0) -> tuple[float, float]:
    """Return root-mean-square error and bias, in % of 50 mV."""
    rng = random.Random(case.name)
    off = []
    for _ in range(readings):
        times, values = burst(case, rng, jitter_s=jitter_s)
        off.append((method(times, values) - case.level_mv) / LEVEL_MV * 100)
    return math.sqrt(math.fsum(e * e for e in off) / readings), math.fsum(off) / readings


def microseconds(run: Callable[[], object], *, times: int = 400) -> float:
    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(times):
            run()
        best = min(best, (time.perf_counter() - start) / times)
    return best * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=1500)
    readings = parser.parse_args().readings
    print(f"{'RMSE in % of 50 mV':<28}{'ours':>8}{'(bias)':>9}{'jitter':>8}{'1 freq.':>9}{'trimmed':>9}{'mean':>8}")
    for case in CASES:
        rmse, bias = errors(ours(), case, readings)
        jittered, _ = errors(ours(), case, readings, jitter_s=0.015)
        others = [errors(method, case, readings)[0] for method in (one_frequency, trimmed_mean, mean)]
        print(f"{case.name:<28}{rmse:8.3f}{bias:9.3f}{jittered:8.3f}{others[0]:9.3f}{others[1]:9.3f}{others[2]:8.3f}")
    rng = random.Random(1)
    times, clean = burst(Case("", hum=0.04), rng)
    _, spiky = burst(Case("", hum=0.04, spikes=0.15), rng)
    moments, estimator = schedule(times), LevelEstimator()
    estimator.level(moments, clean)
    print("\nmicroseconds")
    print(f"  a channel, no outlier      {microseconds(lambda: estimator.level(moments, clean)):8.1f}")
    print(f"  a channel, 15 % outliers   {microseconds(lambda: LevelEstimator().level(moments, spiky)):8.1f}")
    print(f"  a schedule that repeats    {microseconds(lambda: schedule(times)):8.1f}")
    print(f"  a schedule never seen      {microseconds(lambda: Schedule(times, (50.0, 60.0))):8.1f}")
    print(f"  one frequency, with numpy  {microseconds(lambda: one_frequency(times, clean)):8.1f}")


if __name__ == "__main__":
    main()
