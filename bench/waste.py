"""Blocked waste tubes, worn pumps, and healthy days: what dosing says, when, and how full the vial is by then.

Run: python -m bench.waste [days of each healthy case] [seeds of each blocked case]
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench import closed_loops as loops
from pioreactor.automations.dosing.base import DosingAutomationJob
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.automations.dosing.turbidostat import Turbidostat
from pioreactor.testing.simulation import Bench, simulated_bench
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import Scenario

STEP_H = 1 / 60
LONGEST_H = 10.0
BLOCKED_AFTER_H = 3.0
FULL_ML = 18.0
TWIN_LOAD_PER_ML = 0.02
"""Of the twin's stirrer."""
REFERENCE_ML = 10.0


def turbidostat() -> DosingAutomationJob:
    return Turbidostat(target_biomass=1.0, exchange_volume_ml=1.0)


def chemostat() -> DosingAutomationJob:
    return Chemostat(exchange_volume_ml=0.5, duration=5)


@dataclass
class StirrerDrift:
    """A fan whose gain wanders slowly, and that feels the volume more or less than the twin's."""

    sd: float = 0.0
    """Relative; it forgets within `memory_h`."""
    memory_h: float = 0.25
    load_per_ml: float = TWIN_LOAD_PER_ML
    seed: int = 0
    _value: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._luck = random.Random(f"stirrer/{self.seed}")

    def apply(self, bench: Bench, nominal_gain: float) -> None:
        keep = math.exp(-STEP_H / self.memory_h)
        self._value = keep * self._value + math.sqrt(1 - keep * keep) * self._luck.gauss(0.0, self.sd)
        over_ml = bench.unit.world.vessel.volume_ml - REFERENCE_ML
        usual, own = 1 + TWIN_LOAD_PER_ML * over_ml, 1 + self.load_per_ml * over_ml
        bench.unit.world.fan._gain = nominal_gain * math.exp(self._value) * usual / own


@dataclass
class Course:
    """What happened until dosing paused, or to the end."""

    warned_ml: float | None = None
    paused_ml: float | None = None
    highest_ml: float = 0.0
    hours: float = 0.0
    said: list[str] = field(default_factory=list)


def run(
    scenario: Scenario, make: Callable[[], DosingAutomationJob], seed: int, hours: float, drift: StirrerDrift
) -> Course:
    """Let hours pass, counted from the first dose; end when dosing pauses."""
    course = Course()
    with simulated_bench(scenario=scenario, seed=seed) as bench:
        gain = bench.unit.world.fan._gain
        loops.observe(bench)
        job = bench.start(make)
        while course.hours < hours and course.paused_ml is None:
            drift.apply(bench, gain)
            loops.watch(bench, STEP_H)
            course.hours += STEP_H
            volume_ml = bench.unit.world.vessel.volume_ml
            course.highest_ml = max(course.highest_ml, volume_ml)
            said = [*bench.logged("warning"), *bench.logged("error")]
            if said and course.warned_ml is None:
                course.warned_ml = volume_ml
            if job.state == job.SLEEPING:
                course.paused_ml = volume_ml
            course.said = said
    return course


HEALTHY: dict[str, tuple[dict[str, Any], Callable[[], DosingAutomationJob], dict[str, float]]] = {
    "turbidostat 0.8/h": ({"growth_per_h": 0.88}, turbidostat, {}),
    "turbidostat 0.8/h, noise 3 %": ({"growth_per_h": 0.88, "noise_cv": 0.03}, turbidostat, {}),
    "turbidostat 1.5/h, bubbles 3 %": ({"growth_per_h": 1.68, "bubbles": 0.03}, turbidostat, {}),
    "turbidostat 0.3/h": ({"growth_per_h": 0.33}, turbidostat, {}),
    "chemostat 6 mL/h": ({"growth_per_h": 0.88}, chemostat, {}),
    "turbidostat, room 5 K colder for 6 h": (
        {"growth_per_h": 0.88, "faults": (Fault("ambient_step", 8 * 3600.0, 14 * 3600.0),)}, turbidostat, {},
    ),
    "turbidostat, stirrer wanders by 1 % in 15 min": ({"growth_per_h": 0.88}, turbidostat, {"sd": 0.01}),
    "turbidostat, stirrer wanders by 1 % in 2 h": ({"growth_per_h": 0.88}, turbidostat, {"sd": 0.01, "memory_h": 2.0}),
}  # fmt: skip

BLOCKED: dict[str, tuple[dict[str, Any], Callable[[], DosingAutomationJob], dict[str, float], float]] = {
    "turbidostat 0.8/h": ({"growth_per_h": 0.88}, turbidostat, {}, BLOCKED_AFTER_H),
    "turbidostat 0.8/h, noise 3 %": ({"growth_per_h": 0.88, "noise_cv": 0.03}, turbidostat, {}, BLOCKED_AFTER_H),
    "turbidostat 1.5/h": ({"growth_per_h": 1.68}, turbidostat, {}, BLOCKED_AFTER_H),
    "turbidostat 0.3/h": ({"growth_per_h": 0.33}, turbidostat, {}, BLOCKED_AFTER_H),
    "chemostat 6 mL/h": ({"growth_per_h": 0.88}, chemostat, {}, BLOCKED_AFTER_H),
    "turbidostat, load 1.25 % a mL": ({"growth_per_h": 0.88}, turbidostat, {"load_per_ml": 0.0125}, BLOCKED_AFTER_H),
    "turbidostat, stirrer wanders by 1 %": ({"growth_per_h": 0.88}, turbidostat, {"sd": 0.01}, BLOCKED_AFTER_H),
    "turbidostat, pump unplugged from the start": ({"growth_per_h": 0.88}, turbidostat, {}, 0.0),
    "chemostat, pump unplugged from the start": ({"growth_per_h": 0.88}, chemostat, {}, 0.0),
}  # fmt: skip


def healthy(days: float) -> None:
    for name, (plant, make, drift) in HEALTHY.items():
        course = run(loops.plant(**plant), make, 71, 24.0 * days, StirrerDrift(seed=71, **drift))
        paused = "" if course.paused_ml is None else f"  PAUSED after {course.hours:.1f} h"
        print(f"healthy {name:46} {course.hours / 24:.2f} days, {len(course.said)} messages{paused}", flush=True)
        for text in course.said:
            print(f"        {text[:110]}")


def blocked(seeds: int) -> None:
    for name, (plant, make, drift, after_h) in BLOCKED.items():
        courses = []
        for seed in range(81, 81 + seeds):
            fault = Fault("blocked_waste", start_s=after_h * 3600.0)
            scenario = loops.plant(**plant, faults=(fault,))
            courses.append(run(scenario, make, seed, after_h + LONGEST_H, StirrerDrift(seed=seed, **drift)))
        paused = sorted(c.paused_ml for c in courses if c.paused_ml is not None)
        warned = sorted(c.warned_ml for c in courses if c.warned_ml is not None)
        in_time = sum(c.highest_ml < FULL_ML for c in courses)
        print(
            f"blocked {name:46} told at {_range(warned)}, paused at {_range(paused)};"
            f" {in_time} of {seeds} stayed below {FULL_ML:g} mL",
            flush=True,
        )


def worn(seeds: int) -> None:
    """Let the media pump lose 2 % an hour from the tenth hour on, until 12 % are lost."""
    for noise_cv in (0.0055, 0.03):
        for seed in range(91, 91 + seeds):
            steps = ((k, (1 - 0.02 * k) / (1 - 0.02 * (k - 1))) for k in range(1, 7))
            faults = [Fault("pump_gain", (9 + k) * 3600.0, target="media", value=value) for k, value in steps]
            scenario = loops.plant(growth_per_h=0.88, noise_cv=noise_cv, faults=faults)
            with simulated_bench(scenario=scenario, seed=seed) as b:
                loops.observe(b)
                b.start(turbidostat)
                told: dict[str, int] = {}
                for hour in range(1, 31):
                    loops.watch(b, 1.0)
                    for text in b.logged("warning"):
                        told.setdefault(text[:62], hour)
            print(f"worn    noise {100 * noise_cv:g} %, seed {seed}: told in hour {told}", flush=True)


def _range(values: list[float]) -> str:
    return f"{values[0]:.1f}–{values[-1]:.1f} mL ({len(values)})" if values else "never"


def main() -> None:
    began = time.process_time()
    healthy(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0)
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    blocked(seeds)
    worn(seeds)
    print(f"computed in {time.process_time() - began:.0f} s of CPU")


if __name__ == "__main__":
    main()
