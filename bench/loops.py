"""Closed loops for a simulated day each, over plants that differ by ±15 %, judged against the truth of the twin.

Run: python -m bench.loops [hours] [words of names of cases]. Pictures of each loop are written to bench/results.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from msgspec.structs import replace

from bench import closed_loops as loops
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.automations.dosing.fed_batch import FedBatch
from pioreactor.automations.dosing.pid_morbidostat import PIDMorbidostat
from pioreactor.automations.dosing.turbidostat import Turbidostat
from pioreactor.testing.simulation import simulated_bench
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import find_scenario

RESULTS = Path(__file__).parent / "results"
VOLUME_ML = 14.0
CHANGE_AT = 0.6
"""Of the stock's concentration: what Toprak 2012 changed bottles at."""
TURBIDOSTATS: dict[str, dict[str, Any]] = {
    "ecoli 0.8/h": {"growth_per_h": 0.88},
    "ecoli 0.3/h": {"growth_per_h": 0.33},
    "ecoli 1.5/h": {"growth_per_h": 1.68},
    "ecoli 0.8/h, noise 3 %": {"growth_per_h": 0.88, "noise_cv": 0.03},
    "ecoli 0.8/h, bubbles 3 %": {"growth_per_h": 0.88, "bubbles": 0.03},
    "ecoli 0.8/h, pump -15 %": {"growth_per_h": 0.88, "pump_gain": 0.85},
    "ecoli 0.8/h, pump +15 %": {"growth_per_h": 0.88, "pump_gain": 1.15},
    "ecoli 1.5/h, all of it": {"growth_per_h": 1.68, "noise_cv": 0.03, "bubbles": 0.03, "pump_gain": 0.85},
    "yeast 0.4/h": {"strain": "yeast", "growth_per_h": 0.42, "start_od": 1.0},
    "yeast 0.4/h, all of it": {
        "strain": "yeast", "growth_per_h": 0.42, "start_od": 1.0, "noise_cv": 0.03, "bubbles": 0.03, "pump_gain": 1.15,
    },
}  # fmt: skip


def turbidostat(name: str, plant: dict[str, Any], seed: int, hours: float) -> None:
    with simulated_bench(scenario=loops.plant(**plant), seed=seed) as bench:
        loops.observe(bench)
        bench.start(lambda: Turbidostat(target_biomass=1.0, exchange_volume_ml=1.0))
        loops.watch(bench, 1.5)
        moments = loops.watch(bench, hours)
        target = loops.equivalent_density(bench, 1.0, norm=loops.norm_of(bench))
        score = loops.score(moments, target)
        said = [*bench.logged("warning"), *bench.logged("error")]
    needed = score.growth_per_h * VOLUME_ML
    print(
        f"{name:28} mean/target {score.mean_over_target:.4f}  sd {score.sd:.4f}  "
        f"within 2 % {score.within_2_percent:.4f}"
        f"  media {score.media_ml_per_h:5.2f} mL/h ({score.media_ml_per_h / needed:.3f} of what growth needs)"
        f"  highest {score.highest_volume_ml:.2f} mL  {said if said else ''}"
    )
    draw(name, "density / target", [m.t_s / 3600 for m in moments], [m.scattering_mg_ml / target for m in moments])


def chemostat(name: str, strain: str, growth_per_h: float, pump_gain: float, seed: int, hours: float) -> None:
    scenario = loops.plant(strain, growth_per_h=growth_per_h, pump_gain=pump_gain, start_od=1.0)
    with simulated_bench(scenario=scenario, seed=seed) as bench:
        loops.calibrate_od(bench)
        loops.observe(bench, interval_s=10.0, warm_up_s=500.0)
        job = bench.start(lambda: Chemostat(exchange_volume_ml=0.4, duration=6))
        moments = loops.watch(bench, hours, every_s=60.0)
        nominal, measured = job.nominal_dilution_rate, job.dilution_rate
        assert nominal is not None
        said = [*bench.logged("warning"), *bench.logged("error")]
    passed_h = (moments[-1].t_s - moments[0].t_s) / 3600
    flowed_ml = moments[-1].media_added_ml - moments[0].media_added_ml
    real = flowed_ml / passed_h / (0.4 * 10) * nominal
    print(
        f"{name:28} dilution rate nominal {nominal:.3f}/h  real {real:.3f}/h  measured {measured}/h"
        f"  growth {fmean(m.growth_per_h for m in moments[len(moments) // 2 :]):.3f}/h"
        f"  highest {max(m.volume_ml for m in moments):.2f} mL  {said if said else ''}"
    )
    draw(name, "OD", [m.t_s / 3600 for m in moments], [m.od for m in moments])


def fed_batch(name: str, seed: int, hours: float) -> None:
    with simulated_bench(scenario=loops.plant("yeast", growth_per_h=0.42, start_od=0.5), seed=seed) as bench:
        job = bench.start(lambda: FedBatch(dosing_volume_ml=0.5, duration=120))
        moments = loops.watch(bench, hours, every_s=60.0)
        state = job.state
    print(f"{name:28} highest {max(m.volume_ml for m in moments):.2f} mL, OD {moments[-1].od:.1f}, {state}")
    draw(name, "volume, mL", [m.t_s / 3600 for m in moments], [m.volume_ml for m in moments])


def morbidostat(name: str, preset: str, seed: int, hours: float) -> None:
    """Growth held down for days while resistance rises; the bottle is changed for one five times as strong in time."""
    scenario = replace(find_scenario(preset), start_od=0.15, ambient_celsius=37.0)
    changes: list[int] = []
    moments: list[loops.Moment] = []
    with simulated_bench(scenario=scenario, seed=seed) as bench:
        loops.calibrate_od(bench)
        loops.observe(bench, interval_s=60.0, warm_up_s=3000.0)
        bench.start(lambda: PIDMorbidostat(target_growth_rate=0.4, target_normalized_od=1.0, duration=12))
        world = bench.unit.world
        for hour in range(round(hours)):
            moments += loops.watch(bench, 1.0, every_s=120.0)
            if moments[-1].drug_ug_ml > CHANGE_AT * world.alt_media_drug_ug_ml:
                world.alt_media_drug_ug_ml *= 5.0
                changes.append(hour + 1)
        said = [*bench.logged("warning"), *bench.logged("error")]
    times = [m.t_s / 3600 for m in moments]
    settled = moments[24 * 30 :]
    halves = [fmean(m.growth_per_h for m in settled[i : i + 360]) for i in range(0, len(settled), 360)]
    ods = sorted(m.od for m in settled)
    print(
        f"{name:28} growth {fmean(halves):.3f}/h (target 0.4; means of 12 h {min(halves):.2f} to {max(halves):.2f})"
        f"  OD {ods[len(ods) // 20]:.3f} to {ods[-len(ods) // 20]:.3f} (5 to 95 %)"
        f"  IC50 {moments[0].ic50_ug_ml:.1f} to {moments[-1].ic50_ug_ml:.1f} µg/mL  bottle changed after {changes} h"
        f"  highest {max(m.volume_ml for m in moments):.2f} mL  {said if said else ''}"
    )
    draw(name, "growth rate, 1/h", times, [m.growth_per_h for m in moments])
    draw(f"{name} IC50", "IC50, µg/mL", times, [m.ic50_ug_ml for m in moments])


def with_fault(name: str, fault: Fault, noise_cv: float, seed: int, hours: float) -> None:
    scenario = loops.plant(noise_cv=noise_cv, faults=(fault,))
    with simulated_bench(scenario=scenario, seed=seed) as bench:
        loops.observe(bench)
        bench.start(lambda: Turbidostat(target_biomass=1.0, exchange_volume_ml=1.0))
        loops.watch(bench, (fault.start_s - loops.now(bench).t_s) / 3600)
        said, after_min, highest = [], 0, 0.0
        for minute in range(round(hours * 60)):
            highest = max(highest, *(m.volume_ml for m in loops.watch(bench, 1 / 60)))
            said = [*bench.logged("warning"), *bench.logged("error")]
            if said:
                after_min = minute + 1
                break
    what = f"told after {after_min} min: {said[0][:60]}…" if said else f"not told within {hours} h"
    print(f"{name:28} {what}  highest {highest:.2f} mL")


def draw(name: str, what: str, hours: Sequence[float], values: Sequence[float]) -> None:
    """Write a picture of a course: a line in SVG, and the bounds in words."""
    low, high = min(values), max(values)
    span = high - low if high > low else 1.0
    step = max(1, len(values) // 1500)
    points = " ".join(
        f"{60 + 720 * (t - hours[0]) / (hours[-1] - hours[0]):.1f},{30 + 240 * (high - value) / span:.1f}"
        for t, value in list(zip(hours, values, strict=True))[::step]
    )
    words = f"{name}: {what}, {low:.4g} to {high:.4g}, over {hours[-1] - hours[0]:.1f} h"
    RESULTS.mkdir(exist_ok=True)
    plain = "".join(letter if letter.isalnum() or letter in "+-" else "_" for letter in name)
    (RESULTS / f"loop_{plain}.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 300" font-family="sans-serif" font-size="12">'
        f'<rect width="800" height="300" fill="white"/><text x="60" y="18">{words}</text>'
        f'<text x="4" y="36">{high:.4g}</text><text x="4" y="272">{low:.4g}</text>'
        f'<polyline points="{points}" fill="none" stroke="#205080"/></svg>\n',
        encoding="utf-8",
    )


def cases(hours: float) -> dict[str, Callable[[], None]]:
    found: dict[str, Callable[[], None]] = {}
    for seed, (name, plant) in enumerate(TURBIDOSTATS.items(), start=11):
        full = f"turbidostat {name}"
        found[full] = lambda full=full, plant=plant, seed=seed: turbidostat(full, plant, seed, hours)  # type: ignore[misc]
    for seed, (strain, growth, gain) in enumerate(
        [("ecoli", 0.5, 0.85), ("ecoli", 0.5, 1.15), ("yeast", 0.42, 0.85), ("yeast", 0.42, 1.15)], start=31
    ):
        full = f"chemostat {strain} pump {gain}"
        found[full] = lambda full=full, s=strain, g=growth, p=gain, seed=seed: chemostat(full, s, g, p, seed, hours)  # type: ignore[misc]
    found["fed batch yeast"] = lambda: fed_batch("fed batch yeast", 41, hours)
    for preset in ("morbidostat_tmp", "morbidostat_chl", "morbidostat_dox"):
        found[preset] = lambda preset=preset: morbidostat(preset, preset, 1, 10 * hours)  # type: ignore[misc]
    for noise in (0.0055, 0.03):
        for kind, value in (("empty_media_bottle", None), ("blocked_waste", None), ("pump_gain", 0.8)):
            fault = Fault(kind, start_s=6 * 3600.0, target="media" if value else "", value=value)  # type: ignore[arg-type]
            full = f"fault {kind}, noise {100 * noise:g} %"
            found[full] = lambda full=full, fault=fault, noise=noise: with_fault(full, fault, noise, 51, 10.0)  # type: ignore[misc]
    return found


def main() -> None:
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 24.0
    wanted = sys.argv[2:]
    for name, run in cases(hours).items():
        if all(word in name for word in wanted):
            began = time.perf_counter()
            run()
            print(f"{'':28} computed in {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
