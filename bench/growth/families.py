"""Families of simulated cultures whose growth rate is known at every moment, for judging estimators of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

PUMP_ML_PER_S = 0.0911


@dataclass(frozen=True, slots=True)
class Family:
    """One scenario. Growth rates per hour, optical density in AU, volumes in mL; noise as a share of the signal."""

    name: str
    hours: float
    start_od: float
    growth: Callable[[float], float]
    """Growth rate [1/h] at an hour, before lag and substrate limit it."""
    lag_h: float = 0.0
    substrate: float = math.inf
    """OD that the substrate in the vial and in the medium can still make."""
    half_saturation: float = 0.03
    second_growth: float = 0.0
    second_substrate: float = 0.0
    target_od: float | None = None
    dose_ml: float = 1.0
    period_min: float | None = None
    pump_bias: float = 0.0
    announce_delay_s: float = 4.0
    vial_ml: float = 14.0
    noise: Callable[[float], float] = field(default=lambda _t: 0.0056)
    noise_floor: float = 0.0
    noise_memory: float = 0.0
    """Correlation of noise over five seconds."""
    shocks: float = 0.002
    bubbles: float = 0.0
    dilutions: tuple[tuple[float, float], ...] = ()
    """Unannounced: hour, share that stays."""
    disturbances: tuple[tuple[float, float, float], ...] = ()
    """Readings off by a factor: hour, minutes, factor."""
    interval_s: int = 5
    sensor_lag_s: float = 4.0


@dataclass(frozen=True, slots=True)
class Recording:
    """What a reactor would have recorded, with the truth beside it."""

    name: str
    time_h: list[float]
    od: list[float]
    true_growth: list[float]
    doses: list[tuple[float, float, float]]
    """Hour announced, mL added (nominal), mL in the vial before (book-keeping)."""
    seen: list[float] = field(default_factory=list)
    """ln OD behind the lag of vial and reader, without noise; empty for recordings from disk."""


def constant(value: float) -> Callable[[float], float]:
    return lambda _t: value


def steps(first: float, *changes: tuple[float, float]) -> Callable[[float], float]:
    """Growth that jumps: each change is (hour, value)."""

    def growth(t: float) -> float:
        value = first
        for hour, after in changes:
            if t >= hour:
                value = after
        return value

    return growth


class Culture:
    """OD and substrate, integrated in steps of one second."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.od = family.start_od
        self.substrate = family.substrate - (family.start_od if family.period_min is None else 0.0)
        if family.period_min is not None:
            self.substrate = family.substrate
        self.second = family.second_substrate
        mu0 = family.growth(0.0)
        self.q = math.inf if family.lag_h == 0 else 1 / math.expm1(mu0 * family.lag_h)

    def growth(self, t: float) -> float:
        f = self.family
        ready = 1.0 if math.isinf(self.q) else self.q / (1 + self.q)
        if math.isinf(f.substrate):
            return f.growth(t) * ready
        ks = f.half_saturation * f.substrate
        first = f.growth(t) * self.substrate / (ks + self.substrate)
        second = 0.0
        if f.second_substrate > 0:
            repressed = ks / (ks + self.substrate)
            second = f.second_growth * repressed * self.second / (0.05 * f.second_substrate + self.second)
        return (first + second) * ready

    def advance(self, t: float) -> float:
        mu = self.growth(t)
        grown = self.od * math.expm1(mu / 3600)
        self.od += grown
        if not math.isinf(self.family.substrate):
            first = min(grown, self.substrate)
            if self.family.second_substrate > 0:
                ks = self.family.half_saturation * self.family.substrate
                share = self.substrate / (ks + self.substrate)
                first = min(grown * share, self.substrate)
                self.second = max(self.second - (grown - first), 0.0)
            self.substrate = max(self.substrate - first, 0.0)
        if not math.isinf(self.q):
            self.q *= math.exp(self.family.growth(t) / 3600)
            if self.q > 1e6:
                self.q = math.inf
        return mu

    def dilute(self, keep: float) -> None:
        self.od *= keep
        if not math.isinf(self.family.substrate):
            self.substrate = self.substrate * keep + self.family.substrate * (1 - keep)


def _chunks(total_ml: float) -> list[float]:
    n = max(1, math.ceil(total_ml / 1.5))
    return [total_ml / n] * n


def _plan(total_ml: float, start_s: int) -> Iterator[tuple[int, float]]:
    """Seconds and mL of the slices of one exchange that starts at `start_s`: waste follows every addition."""
    at = start_s
    for chunk in _chunks(total_ml):
        left = chunk
        while left > 1e-9:
            slice_ml = min(PUMP_ML_PER_S, left)
            left -= slice_ml
            yield at, slice_ml
            at += 1
        at += 5 + 3 * math.ceil(chunk / PUMP_ML_PER_S) + 4


def simulate(family: Family, seed: int) -> Recording:
    """Simulate one recording; the same family and seed give the same recording."""
    rng = np.random.default_rng([seed, *family.name.encode()])
    culture = Culture(family)
    seconds = int(family.hours * 3600)
    seen = math.log(culture.od)
    follow = 1 - math.exp(-1 / family.sensor_lag_s)
    dilutions = {round(h * 3600): keep for h, keep in family.dilutions}
    plan: list[tuple[int, float]] = []
    doses: list[tuple[float, float, float]] = []
    busy_until, gain = 0, 1.0
    times: list[float] = []
    logs: list[float] = []
    truth: list[float] = []
    pending: list[tuple[int, float]] = []
    for s in range(seconds):
        t = s / 3600
        if s % family.interval_s == 0:
            times.append(t)
            logs.append(seen)
            truth.append(culture.growth(t))
            if s >= busy_until and _wants_dose(family, seen, s, rng):
                plan = list(_plan(family.dose_ml, s))
                busy_until = plan[-1][0] + 60
                gain = (1 + family.pump_bias) * (1 + 0.03 * rng.standard_normal())
                volume = family.vial_ml
                last = s
                for at, ml in plan:
                    if at - last > 3:
                        volume = family.vial_ml
                    last = at
                    doses.append(((at + family.announce_delay_s) / 3600, ml, volume))
                    volume += ml
                pending = plan
        while pending and pending[0][0] <= s:
            _, ml = pending.pop(0)
            volume_now = doses[len(doses) - len(pending) - 1][2]
            culture.dilute(volume_now / (volume_now + ml * gain))
        if s in dilutions:
            culture.dilute(dilutions[s])
        culture.advance(t)
        seen += follow * (math.log(culture.od) - seen)
    od = _readings(family, np.asarray(times), np.exp(np.asarray(logs)), rng)
    return Recording(family.name, times, [float(x) for x in od], truth, doses, logs)


def _wants_dose(family: Family, seen: float, second: int, rng: np.random.Generator) -> bool:
    if family.target_od is not None:
        return math.exp(seen) * (1 + family.noise(second / 3600) * rng.standard_normal()) >= family.target_od
    if family.period_min is not None:
        return second >= 1800 and second % round(family.period_min * 60) < family.interval_s
    return False


def _readings(family: Family, t: np.ndarray, od: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = len(t)
    cv = np.array([family.noise(x) for x in t])
    white = rng.standard_normal(n)
    rho = family.noise_memory ** (family.interval_s / 5) if family.noise_memory > 0 else 0.0
    if rho > 0:
        scale = math.sqrt(1 - rho * rho)
        for i in range(1, n):
            white[i] = rho * white[i - 1] + scale * white[i]
    white = white + (rng.random(n) < family.shocks) * rng.standard_normal(n) * 5
    factor = 1 + cv * white
    for hour, minutes, off in family.disturbances:
        factor[(t >= hour) & (t < hour + minutes / 60)] *= off
    lifted = rng.random(n) < family.bubbles
    factor[lifted] *= 1 + rng.exponential(0.17, int(lifted.sum()))
    return od * factor + family.noise_floor * rng.standard_normal(n)


def _morbid(t: float) -> float:
    phase = (t - 2.5) % 6
    near = min(phase, 6 - phase)
    return 0.75 - 0.5 * math.exp(-near * near)


def _alga(t: float) -> float:
    return 0.035 + 0.03 * math.sin(2 * math.pi * t / 24)


def _turbidostat(name: str, growth: float | Callable[[float], float], **kw: object) -> Family:
    rate = growth if callable(growth) else constant(growth)
    return Family(name, 16, 0.1, rate, target_od=0.5, **kw)  # type: ignore[arg-type]


BENCHMARK: tuple[Family, ...] = (
    Family("batch_ecoli", 24, 0.02, constant(0.9), lag_h=1.5, substrate=2.02, half_saturation=0.05),
    Family(
        "batch_yeast_diauxic",
        30,
        0.03,
        constant(0.42),
        lag_h=2,
        substrate=1.2,
        half_saturation=0.1,
        second_growth=0.1,
        second_substrate=1.1,
    ),
    Family("slow_alga", 48, 0.1, _alga),
    _turbidostat("turbidostat_ecoli_1mL", 0.8),
    _turbidostat("turbidostat_biasedpump", 0.8, pump_bias=-0.1),
    _turbidostat("turbidostat_bigdose_5mL", 0.6, dose_ml=5.0, pump_bias=0.05),
    Family(
        "chemostat_D0.3",
        24,
        1.3,
        constant(0.8),
        substrate=2.0,
        half_saturation=0.05,
        period_min=10,
        dose_ml=0.7,
        pump_bias=0.05,
    ),
    replace(
        _turbidostat("drug_steps_turbidostat", steps(0.6, (6, 0.1), (10, 0.8), (16, 0.3)), pump_bias=0.05), hours=20
    ),
    replace(_turbidostat("morbidostat_cycles", _morbid, dose_ml=1.4, pump_bias=-0.05), hours=30),
    Family("batch_bubbles", 20, 0.05, constant(0.6), lag_h=1.4, substrate=2.05, half_saturation=0.05, bubbles=0.03),
    Family(
        "batch_noisy_colored",
        20,
        0.05,
        constant(0.5),
        lag_h=1.2,
        substrate=2.05,
        half_saturation=0.05,
        noise=constant(0.0114),
        noise_memory=0.83,
        shocks=0.015,
    ),
    Family(
        "batch_growing_noise",
        20,
        0.25,
        constant(0.25),
        substrate=0.85,
        half_saturation=0.03,
        noise=lambda t: 0.006 + 0.0015 * t,
    ),
    Family("unannounced_dilution", 16, 0.1, constant(0.4), dilutions=((5, 0.6), (9, 0.5), (13, 0.7))),
    Family("cap_disturbance", 14, 0.05, constant(0.3), disturbances=((4, 1, 1.3), (8, 3, 0.6), (11, 5, 1.5))),
    Family("low_od_floor", 14, 0.002, constant(0.7), lag_h=1, substrate=1.0, half_saturation=0.04, noise_floor=0.0003),
)
"""The fifteen families of the published benchmark, re-simulated so that any seed can be drawn."""


def _light(t: float) -> float:
    return 0.06 if t % 24 < 14 else -0.01


def _bloom(t: float) -> float:
    """Grows, dies of a shock within minutes, recovers over hours."""
    if t < 5:
        return 0.7
    if t < 6:
        return -0.3
    return min(0.7, -0.3 + 0.35 * (t - 6))


ALSO_TUNED_ON: tuple[Family, ...] = (
    _turbidostat("turbidostat_slow_mixing", 0.8, sensor_lag_s=10.0, announce_delay_s=1.0),
    Family(
        "chemostat_0.3mL_5min",
        20,
        1.3,
        constant(0.7),
        substrate=2.0,
        half_saturation=0.05,
        period_min=5,
        dose_ml=0.3,
    ),
)
"""Families beside the benchmark's that showed how long a dose needs to settle, and what a boost must prove."""

HELD_OUT: tuple[Family, ...] = (
    replace(_turbidostat("turbidostat_1s", 0.8), hours=6, interval_s=1),
    replace(_turbidostat("turbidostat_30s", 0.8), interval_s=30),
    replace(_turbidostat("turbidostat_60s", 0.8), interval_s=60),
    Family("batch_60s", 16, 0.03, constant(0.6), lag_h=1, substrate=1.5, half_saturation=0.05, interval_s=60),
    Family("batch_cv3", 16, 0.03, constant(0.7), lag_h=1, substrate=1.8, half_saturation=0.05, noise=constant(0.03)),
    _turbidostat("turbidostat_cv3", 0.8, noise=constant(0.03)),
    _turbidostat("turbidostat_told_at_once", 0.8, announce_delay_s=0.0),
    replace(_turbidostat("turbidostat_clogging", 1.1, dose_ml=0.5), pump_bias=-0.3),
    _turbidostat("turbidostat_mixing_7s", 0.7, sensor_lag_s=7.0, announce_delay_s=2.0, dose_ml=2.0),
    Family(
        "chemostat_1.2mL_15min",
        20,
        1.3,
        constant(0.9),
        substrate=1.6,
        half_saturation=0.08,
        period_min=15,
        dose_ml=1.2,
        pump_bias=-0.08,
    ),
    Family("chemostat_saturated", 16, 0.2, constant(0.25), period_min=12, dose_ml=0.7),
    Family("crash_and_recovery", 14, 0.05, _bloom),
    Family("diauxie_abrupt", 16, 0.05, steps(0.9, (4, 0.02), (5, 0.35), (9, 0.0))),
    Family("alga_light_dark", 72, 0.1, _light),
    replace(_turbidostat("drug_ramp", lambda t: 0.9 - 0.05 * min(t, 14)), dose_ml=1.0),
    Family("fast_vibrio", 6, 0.01, constant(2.2), lag_h=0.4, substrate=2.5, half_saturation=0.05),
)
"""Families that no constant of the estimator was chosen on."""
