"""The thermostat for a simulated day each, over plants that differ by ±15 %, judged against the truth of the twin.

Warm-up from the room's temperature; after 2 h a chemostat with media of 22 °C; after 12 h the room is 4 °C colder.
Run: python -m bench.thermostat_days [hours] [words of names of cases]. Pictures are written to bench/results.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from msgspec.structs import replace

from bench.loops import draw
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.background_jobs.temperature_automation import start_temperature_automation
from pioreactor.testing.simulation import Bench, simulated_bench
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import find_scenario

LOOK_S = 10.0
HOUR_S = 3600.0
DOSING_AFTER_H = 2.0
COLDER_AFTER_H = 12.0
COLDER_BY_K = 4.0
CULTURES = {"ecoli": ("ecoli_batch", 37.0), "yeast": ("yeast_batch", 30.0)}
MODELS = {
    "20 mL v1.5": (("pioreactor_20ml", "1.5"), 14.0, 0.5),
    "40 mL v1.5": (("pioreactor_40ml", "1.5"), 30.0, 1.0),
    "20 mL v1.0": (("pioreactor_20ml", "1.0"), 14.0, 0.5),
    "40 mL v1.0": (("pioreactor_40ml", "1.0"), 30.0, 1.0),
}
"""Model, volume [mL], and what the chemostat exchanges each 20 minutes [mL]."""
PLANTS = (61, 62, 63)
"""Seeds of units: each has its own conductances, thermometer and pumps."""


@dataclass(frozen=True, slots=True)
class DayScore:
    """°C and minutes. `steady` means the hours of dosing, the changes of the room included."""

    overshoot: float
    settled_min: float
    steady_mean_error: float
    steady_sd: float
    farthest: float
    """From the steady mean."""


def day(
    culture: str, model: str, seed: int, hours: float, *, colder_after_h: float = COLDER_AFTER_H
) -> tuple[list[float], float, list[str]]:
    """Return the liquid's true temperature every 10 s, the target, and what the jobs complained of."""
    strain, target = CULTURES[culture]
    kind, volume_ml, exchange_ml = MODELS[model]
    scenario = replace(
        find_scenario(strain),
        volume_ml=volume_ml,
        efflux_ml=volume_ml,
        ambient_celsius=22.0,
        start_celsius=22.0,
        media_celsius=22.0,
        spread=1.0,
        faults=(Fault("ambient_step", colder_after_h * HOUR_S, value=-COLDER_BY_K),),
    )
    with simulated_bench(scenario=scenario, seed=seed, model=kind) as bench:
        bench.start(lambda: start_temperature_automation("thermostat", target_temperature=target))
        true = _watch(bench, min(DOSING_AFTER_H, hours))
        bench.start(lambda: Chemostat(exchange_volume_ml=exchange_ml, duration=20))
        true += _watch(bench, hours - DOSING_AFTER_H)
        said = [*bench.logged("warning"), *bench.logged("error")]
    return true, target, said


def _watch(bench: Bench, hours: float) -> list[float]:
    seen = []
    for number in range(round(hours * HOUR_S / LOOK_S)):
        bench.wait(LOOK_S)
        bench.unit.world.advance()
        seen.append(bench.unit.world.thermal.liquid)
        if number % 100 == 0:
            bench.messages[:] = [message for message in bench.messages if "/logs/" in message.topic]
    return seen


def score(true: Sequence[float], target: float) -> DayScore:
    until = round(DOSING_AFTER_H * HOUR_S / LOOK_S)
    warming, steady = true[:until], true[until:]
    outside = [n for n, celsius in enumerate(warming) if abs(celsius - target) > 0.5]
    mean = fmean(steady)
    return DayScore(
        max(warming) - target,
        (outside[-1] + 1) * LOOK_S / 60.0 if outside else 0.0,
        mean - target,
        pstdev(steady),
        max(abs(celsius - mean) for celsius in steady),
    )


def main() -> None:
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 24.0
    wanted = sys.argv[2:]
    for culture in CULTURES:
        for model in MODELS:
            for seed in PLANTS:
                name = f"thermostat {culture} {model} plant {seed}"
                if not all(word in name for word in wanted):
                    continue
                began = time.perf_counter()
                true, target, said = day(culture, model, seed, hours)
                found = score(true, target)
                print(
                    f"{name:38} overshoot {found.overshoot:5.2f}  settled {found.settled_min:4.1f} min"
                    f"  then mean error {found.steady_mean_error:+.2f}  sd {found.steady_sd:.3f}"
                    f"  farthest {found.farthest:.2f} °C  {said if said else ''}"
                    f"  ({time.perf_counter() - began:.0f} s)",
                    flush=True,
                )
                draw(name, "liquid, °C", [n * LOOK_S / HOUR_S for n in range(len(true))], true)


if __name__ == "__main__":
    main()
