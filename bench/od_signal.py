"""Measures how far the level of a burst lies from the truth, and what it costs.

Conditions of `docs/explanations/od-signal.md`: a level of 50 mV, white noise of 0.6 mV a sample, 40 samples in 0.85 s;
errors in % of the level. Beside ours run the mean, the trimmed mean, and least squares at the one mains frequency that
was chosen beforehand, smallest and largest sample dropped.
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
    """One kind of disturbance. `hum` and `spike` are parts of the level, `warm_up` the part missing at first (80 ms).

    `third` is the third harmonic as a part of the hum.
    """

    name: str
    hum: float = 0.0
    hz: float = 50.0
    spikes: float = 0.0
    spike: float = 0.4
    both_signs: bool = False
    warm_up: float = 0.0
    third: float = 0.0
    level_mv: float = LEVEL_MV


CASES = [
    Case("white only"),
    Case("hum 4 %, 50 Hz", hum=0.04),
    Case("hum 40 %, 50 Hz", hum=0.4),
    Case("hum 40 %, 60 Hz", hum=0.4, hz=60.0),
    Case("hum 40 %, 0.3 % off", hum=0.4, hz=50.15),
    Case("hum 40 %, 50 Hz - 1 %, third", hum=0.4, hz=49.5, third=0.2),
    Case("hum 40 %, 60 Hz + 1 %, third", hum=0.4, hz=60.6, third=0.2),
    Case("hum 4 %, 60 Hz - 1 %, third", hum=0.04, hz=59.4, third=0.2),
    Case("hum 100 %, 50 Hz + 1 %, third", hum=1.0, hz=50.5, third=0.2),
    Case("5 % outliers, hum 40 %, + 1 %", spikes=0.05, hum=0.4, hz=60.6, third=0.2),
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
        turn = 2 * math.pi * case.hz * t + phase
        value += case.hum * LEVEL_MV * (math.sin(turn) + case.third * math.sin(3 * turn)) + rng.gauss(0, NOISE_MV)
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


def least_error(case: Case, *, jitter_s: float = 0.0) -> float:
    """Return the Cramér–Rao bound [% of 50 mV]: level, hum, third harmonic and the deviation of their frequency."""
    rng, variances = random.Random(0), []
    for _ in range(200):
        t = np.asarray([k * BURST_S / (SAMPLES - 1) + rng.uniform(0, jitter_s) for k in range(SAMPLES)])
        turn = 2 * np.pi * case.hz * t
        phase = rng.uniform(0, 2 * math.pi)
        slope = (t - t.mean()) * (np.cos(turn + phase) + 3 * 0.2 * np.cos(3 * (turn + phase)))
        columns = [np.ones_like(t), np.sin(turn), np.cos(turn), np.sin(3 * turn), np.cos(3 * turn), slope]
        design = np.stack(columns, axis=1)
        variances.append(np.linalg.inv(design.T @ design)[0, 0])
    return NOISE_MV / LEVEL_MV * 100 * math.sqrt(float(np.mean(variances)))


def over_reference(readings: int, *, wait_s: float = 0.125) -> tuple[float, float]:
    """Return scatter and bias [%] of a level over the reference's, LED warming by 5 % in 80 ms, lit `wait_s` before."""
    rng, signal, reference = random.Random("reference"), ours(), ours()
    times = [k * BURST_S / (SAMPLES - 1) for k in range(SAMPLES)]
    light = [1 - 0.05 * math.exp(-(t + wait_s) / 0.08) for t in times]
    ratios = []
    for _ in range(readings):
        phase = rng.uniform(0, 2 * math.pi)
        hum = [1 + 0.4 * math.sin(2 * math.pi * 50.15 * t + phase) for t in times]
        level = signal(times, [LEVEL_MV * x * h + rng.gauss(0, NOISE_MV) for x, h in zip(light, hum, strict=True)])
        ratios.append(100 * level / LEVEL_MV / reference(times, [x + rng.gauss(0, 0.0004) for x in light]) - 100)
    mean = math.fsum(ratios) / readings
    return math.sqrt(math.fsum((ratio - mean) ** 2 for ratio in ratios) / readings), mean


def microseconds(run: Callable[[], object], *, times: int = 200) -> float:
    best = math.inf
    for _ in range(12):
        start = time.process_time()
        for _ in range(times):
            run()
        best = min(best, (time.process_time() - start) / times)
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
    print(
        "\nlevel over reference, LED warm-up 5 %, hum 40 %, 0.3 % off: scatter {:.3f} %, bias {:.3f} %".format(
            *over_reference(readings)
        )
    )
    bounds = [least_error(Case("", hz=hz), jitter_s=late) for hz in (49.5, 50.0, 60.0, 60.6) for late in (0.0, 0.015)]
    print(f"no unbiased fit can do better than {min(bounds):.3f} to {max(bounds):.3f} %")
    times, quiet = burst(Case(""), rng)
    _, hum = burst(Case("", hum=0.4, hz=49.6, third=0.2), rng)
    _, spiky = burst(Case("", spikes=0.15), rng)
    moments = schedule(times)
    estimator, humming, troubled = LevelEstimator(), LevelEstimator(), LevelEstimator()
    for _ in range(5):
        estimator.level(moments, quiet)
        humming.level(moments, hum)
        troubled.level(moments, quiet)
    print("\nmicroseconds of the processor")
    print(f"  a channel, no outlier      {microseconds(lambda: estimator.level(moments, quiet)):8.1f}")
    print(f"  a channel, hum off 50 Hz   {microseconds(lambda: humming.level(moments, hum)):8.1f}")
    print(f"  a channel, 15 % outliers   {microseconds(lambda: troubled.level(moments, spiky)):8.1f}")
    print(f"  hum met for the first time {microseconds(lambda: LevelEstimator().level(moments, hum), times=10):8.1f}")
    print(f"  a schedule that repeats    {microseconds(lambda: schedule(times)):8.1f}")
    print(f"  a schedule never seen      {microseconds(lambda: Schedule(times, (50.0, 60.0))):8.1f}")
    print(f"  one frequency, with numpy  {microseconds(lambda: one_frequency(times, hum)):8.1f}")


if __name__ == "__main__":
    main()
