"""How well temperature is inferred and held, beside the reference's regression and PID on the same simulated units.

Run: python -m bench.temperature [units]. Equations and parameters of the units are the twin's
(docs/explanations/twin.md); each has its own conductances (±15 %), thermometer offset (±0.25 °C), volume
(10–18 mL of 20, 20–36 of 40) and room (18–28 °C).
Days with a chemostat and a room that changes: bench/thermostat_days.py.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median, pstdev

from pioreactor.automations.temperature.thermostat import BELOW_LIMIT_K
from pioreactor.models import BUILTIN_MODELS, ReactorModel
from pioreactor.science.temperature.control import MAX_W, HeatBalance, Probe
from pioreactor.science.temperature.observer import LiquidObserver
from pioreactor.science.temperature.plant import plant_of
from pioreactor.twin.thermal import THERMAL_SETS, Thermal

TARGET = 37.0
STEP_S = 5
HOURS = 3.0
STEADY_S = 2 * 3600.0
INTERCEPT = -6.171633633597331
# fmt: off
COEFFICIENTS = (
    -13.7221255, 150.807347, 15.280857, -71.7124615, -81.5352596, -58.2053398, -84.9915201, -36.97293, -0.0851994806,
    11.263567, 33.7434235, 33.6348041, 42.5731033, 67.2551219, 83.7883314, 62.9508694, 49.5735854, 18.6594862,
    0.312848519, -38.2815596, -56.2834504, -92.784094, -7.62113224, 8.18877406,
)
# fmt: on
"""The reference's linear model, for hardware 1.1 and later."""


@dataclass
class Unit:
    """One simulated reactor: true temperatures, and a thermometer that shows the board's."""

    seed: int
    model: ReactorModel
    duty: float = 0.0
    true: list[tuple[float, float]] = field(default_factory=list)
    errors: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = rng = random.Random(f"temperature/{self.seed}")
        capacity_ml = self.model.reactor_capacity_ml
        self.volume_ml = rng.uniform(10.0 if capacity_ml == 20.0 else 0.5 * capacity_ml, 0.9 * capacity_ml)
        room = rng.uniform(18.0, 28.0)
        nominal = THERMAL_SETS["1.0" if self.model.model_version == "1.0" else "1.1"]
        names = ("board_wall_w_k", "wall_liquid_w_k", "board_air_w_k", "wall_air_w_k", "liquid_air_w_k")
        own = {name: getattr(nominal, name) * math.exp(0.15 * rng.gauss(0.0, 1.0)) for name in names}
        self.offset = 0.25 * rng.uniform(-1.0, 1.0)
        self.thermal = Thermal(replace(nominal, **own), start_celsius=room, ambient_celsius=room)
        self.now_s = 0.0

    def read(self) -> float:
        return round((self.thermal.board + self.offset + 0.03 * self.rng.gauss(0.0, 1.0)) / 0.0625) * 0.0625

    def wait(self) -> None:
        for _ in range(STEP_S):
            self.thermal.step(self.duty, self.volume_ml)
        self.now_s += STEP_S
        self.true.append((self.now_s, self.thermal.liquid))

    def infer(self, celsius: float) -> None:
        self.errors.append((self.now_s, celsius - self.thermal.liquid))


def run_ours(unit: Unit) -> None:
    """Read every 5 s, observe, balance heat."""
    plant = plant_of(unit.model.model_version)
    observer = LiquidObserver(plant, unit.read())
    rule = HeatBalance(board_limit_celsius=unit.model.max_temp_to_reduce_heating - BELOW_LIMIT_K)
    probe = Probe()
    while unit.now_s < HOURS * 3600.0:
        unit.wait()
        observer.advance(STEP_S, unit.duty, unit.volume_ml)
        observer.update(unit.read())
        unit.infer(observer.liquid_celsius)
        unit.duty = probe.apply(rule.duty_for(TARGET, observer, unit.volume_ml), observer, STEP_S)


def run_reference(unit: Unit) -> None:
    """Heat for 95 s, rest for 105 s and look, infer by regression, change the duty by a PID (2.6, 0, 4.6; ±25 %)."""
    duty, last_error = 0.0, None
    while unit.now_s < HOURS * 3600.0:
        unit.duty = duty
        for _ in range(19):
            unit.wait()
        unit.duty = 0.0
        seen = [unit.read()]
        for _ in range(20):
            unit.wait()
            seen.append(unit.read())
        unit.wait()
        inferred = _regression(duty, seen) if duty > 0.0 else seen[-1]
        unit.infer(inferred)
        error = TARGET - inferred
        change = 2.6 * error + 4.6 * (error - last_error if last_error is not None else 0.0)
        last_error = error
        duty = min(90.0, max(0.0, duty + min(25.0, max(-25.0, change))))


def _regression(duty: float, seen: list[float]) -> float:
    scaled = [duty / 35.0, *(celsius / 35.0 for celsius in seen)]
    features = [*scaled, scaled[1] ** 2, scaled[20] * scaled[0]]
    return INTERCEPT + sum(c * f for c, f in zip(COEFFICIENTS, features, strict=True))


def fastest_min(unit: Unit) -> float:
    """Return when a thermostat that knows all is within 0.5 °C: all power that is allowed, then none at the right time.

    It knows the true temperatures and constants, keeps the board where the thermostat keeps it, and overshoots by
    0.5 °C at most.
    """
    low, high = 0, int(HOURS * 3600)
    while high - low > 1:
        middle = (low + high) // 2
        _, highest = _bang_bang(unit, middle)
        low, high = (middle, high) if highest <= TARGET + 0.5 else (low, middle)
    return _bang_bang(unit, low)[0] / 60.0


def _bang_bang(unit: Unit, heated_s: int) -> tuple[float, float]:
    """Return when the liquid is within 0.5 °C of the target [s], and how warm it becomes."""
    thermal = Thermal(unit.thermal.constants, start_celsius=unit.thermal.ambient, ambient_celsius=unit.thermal.ambient)
    k, limit = thermal.constants, unit.model.max_temp_to_reduce_heating - BELOW_LIMIT_K
    reached, highest, second = math.inf, thermal.liquid, 0
    while second <= heated_s or thermal.liquid >= highest:
        highest = max(highest, thermal.liquid)
        lost_w = k.board_wall_w_k * (limit - thermal.wall) + k.board_air_w_k * (limit - thermal.ambient)
        up_to_limit_w = max(0.0, lost_w + k.board_j_k * (limit - thermal.board))
        power_w = min(up_to_limit_w, MAX_W, k.heater_w) if second < heated_s else 0.0
        thermal.step(100.0 * power_w / k.heater_w, unit.volume_ml)
        second += 1
        if thermal.liquid >= TARGET - 0.5:
            reached = min(reached, float(second))
    return reached, highest


def settled_s(unit: Unit) -> float:
    return max((t for t, celsius in unit.true if abs(celsius - TARGET) > 0.5), default=0.0)


def report(name: str, run: Callable[[Unit], None], seeds: range, models: Sequence[ReactorModel]) -> list[Unit]:
    units = [Unit(seed, models[seed % len(models)]) for seed in seeds]
    started = time.perf_counter()
    for unit in units:
        run(unit)
    spent = time.perf_counter() - started
    overshoot = [max(celsius for _, celsius in unit.true) - TARGET for unit in units]
    settled = sorted(settled_s(unit) / 60.0 for unit in units)
    steady = [[celsius for t, celsius in unit.true if t > STEADY_S] for unit in units]
    means = [fmean(celsius) - TARGET for celsius in steady]
    everything = [error for unit in units for _, error in unit.errors]
    own = [error - unit.offset for unit in units for _, error in unit.errors]
    late = [error for unit in units for t, error in unit.errors if t > STEADY_S]
    print(
        f"{name:28}  inferred: rmse {_rms(everything):.3f}, steady {_rms(late):.3f}, without the thermometer's offset "
        f"{_rms(own):.3f} °C\n{'':28}  held: overshoot {median(overshoot):.2f} (worst {max(overshoot):.2f}) °C, "
        f"within 0.5 °C after {settled[len(settled) // 2]:.1f} (worst {settled[-1]:.1f}) min, "
        f"steady error rms {_rms(means):.2f}, sd {fmean(map(pstdev, steady)):.3f} °C; "
        f"{1e6 * spent / len(units) / (HOURS * 3600 / STEP_S):.0f} µs per 5 s"
    )
    return units


def _rms(values: list[float]) -> float:
    return math.sqrt(fmean(value * value for value in values))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    # Priors and gates were chosen on seeds of other generators; these units were not looked at.
    seeds = range(1000, 1000 + count)
    later = [model for model in BUILTIN_MODELS if model.model_version != "1.0"]
    report("reference, v1.1 and later", run_reference, seeds, later)
    report("ours, all models", run_ours, seeds, BUILTIN_MODELS)
    for model in BUILTIN_MODELS:
        units = report(f"ours, {model.display_name}", run_ours, seeds, [model])
        least = [fastest_min(unit) for unit in units]
        ratios = [(settled_s(unit) / 60.0) / minutes for unit, minutes in zip(units, least, strict=True)]
        print(
            f"{'':28}  that board and power allow {median(least):.1f} (worst {max(least):.1f}) min, "
            f"of which it takes {median(ratios):.2f} (worst {max(ratios):.2f}) times"
        )


if __name__ == "__main__":
    main()
