"""Rehearsal of a turbidostat with a temperature step, against one more run on a seed that was not rehearsed.

Run: python -m bench.rehearsal [HOURS] [RUNS] [SECONDS BETWEEN READINGS]. Prints the forecast of each quantity and
event, and what the other run had.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

import msgspec

from pioreactor.experiment_profiles.rehearsal_data import QUANTITIES, Band, Rehearsal, RunRecord
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan, RehearsedUnit
from pioreactor.rehearsal.one_run import rehearse_once
from pioreactor.rehearsal.rehearse import rehearse
from pioreactor.rehearsal.schedulers import Processes
from pioreactor.rehearsal.strain import scenario_fields

PROFILE = """version: "1.0"
experiment_profile_name: Turbidostat with a temperature step
common:
  jobs:
    stirring: {{actions: [{{type: start, t: 0, options: {{target_rpm: 500}}}}]}}
    od_reading: {{actions: [{{type: start, t: 1m}}]}}
    growth_rate_calculating: {{actions: [{{type: start, t: 2m}}]}}
    temperature_automation:
      actions:
        - {{type: start, t: 0, options: {{automation_name: thermostat, target_temperature: 37}}}}
        - {{type: update, t: {step}h, options: {{target_temperature: 30}}}}
    dosing_automation:
      actions:
        - type: start
          t: 5m
          options: {{automation_name: turbidostat, target_biomass: 1.0, exchange_volume_ml: 1.0}}
"""


SHARES = (0.25, 0.5, 0.75)
"""Of the medium that is forecast: bottles of these sizes are changed when they are empty."""


def plan_of(hours: float, runs: int, reading_interval_s: float) -> RehearsalPlan:
    """Return the plan; its step of temperature is half-way."""
    unit = RehearsedUnit(
        name="unit1",
        model=("pioreactor_20ml", "1.5"),
        bottles_ml={"media": 24.0 * hours},
        config={"od_reading.config": {"samples_per_second": f"{1.0 / reading_interval_s:g}"}},
    )
    return RehearsalPlan(
        profile=PROFILE.format(step=hours / 2),
        experiment="bench",
        units=(unit,),
        scenario=scenario_fields("ecoli_turbidostat"),
        hours=hours,
        runs=runs,
    )


def other_run(plan: RehearsalPlan) -> RunRecord:
    """Carry out one more run, of a seed that is not rehearsed."""
    return rehearse_once(msgspec.structs.replace(plan, seed=plan.seed + 1000), plan.runs, lambda: True)


def show(found: Rehearsal, record: RunRecord) -> None:
    """Print the forecast beside the other run."""
    real, forecast = record.values["unit1"], found.units[0]
    shown = [record.hours.index(hour) for hour in found.hours]
    for name in QUANTITIES:
        band: Band = getattr(forecast, name)
        values = [real[name][index] for index in shown]
        inside = fmean(low <= value <= high for low, value, high in zip(band.low, values, band.high, strict=True))
        end = f"{band.low[-1]:.4g} {band.median[-1]:.4g} {band.high[-1]:.4g}"
        print(f"{name:18} forecast at the end {end}, run {values[-1]:.4g}; {100 * inside:.0f} % within the band")
    media = forecast.media_ml
    print(f"medium: {100 * (real['media_ml'][-1] / media.median[-1] - 1):+.1f} % from the median")
    for share in SHARES:
        size_ml = share * media.median[-1]
        early, middle, late = (when(size_ml, found.hours, used) for used in (media.high, media.median, media.low))
        run = when(size_ml, record.hours, real["media_ml"])
        print(f"a bottle of {size_ml:.0f} mL is empty after {early:.2f} {middle:.2f} {late:.2f} h, run {run:.2f}")
    step_h = found.hours[-1] / 2
    cooled = [
        when_cooled(step_h, found.hours, band)
        for band in (forecast.celsius.low, forecast.celsius.median, forecast.celsius.high)
    ]
    print(
        "below 33.5 °C after",
        *(f"{hour:.2f}" for hour in cooled),
        "h, run",
        f"{when_cooled(step_h, record.hours, real['celsius']):.2f}",
    )
    for hazard in [*found.hazards, *record.hazards]:
        print(hazard)


def when(size_ml: float, hours: Sequence[float], used_ml: Sequence[float]) -> float:
    """Return when this volume has been used [h]; between two values in proportion."""
    for (t0, v0), (t1, v1) in pairwise(zip(hours, used_ml, strict=True)):
        if v1 >= size_ml:
            return t0 + (t1 - t0) * (size_ml - v0) / max(v1 - v0, 1e-9)
    return float("nan")


def when_cooled(step_h: float, hours: Sequence[float], celsius: Sequence[float]) -> float:
    """Return when the liquid is below the middle of the two temperatures [h]."""
    return next(
        (hour for hour, value in zip(hours, celsius, strict=True) if hour > step_h and value < 33.5), float("nan")
    )


def main(hours: float, runs: float, reading_interval_s: float) -> None:
    """Print forecast and run."""
    plan = plan_of(hours, round(runs), reading_interval_s)
    began_s = time.perf_counter()
    found = rehearse(plan, scheduler=Processes())
    took_s = time.perf_counter() - began_s
    print(f"{plan.runs} runs of {hours:g} h in {took_s:.0f} s: {runs * hours * 3600 / took_s:,.0f} × real time")
    began_s = time.process_time()
    record = other_run(plan)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"one run: {time.process_time() - began_s:.0f} s of a core, its process {peak_mb:.0f} MB")
    show(found, record)


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    main(*[*given, *(24.0, 8.0, 5.0)[len(given) :]])
