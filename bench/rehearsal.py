"""Rehearsal of a turbidostat with a temperature step, against one more run on a seed that was not rehearsed.

Run: python bench/rehearsal.py [HOURS] [RUNS]. Prints the forecast of each quantity, and what the other run had.
"""

from __future__ import annotations

import sys
import time
from statistics import fmean

import msgspec

from pioreactor.experiment_profiles.rehearsal_data import QUANTITIES, RunRecord
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


def main(hours: float, runs: int) -> None:
    """Print forecast and run."""
    unit = RehearsedUnit(name="unit1", model=("pioreactor_20ml", "1.5"), bottles_ml={"media": 11.0 * hours})
    plan = RehearsalPlan(
        profile=PROFILE.format(step=hours / 2),
        experiment="bench",
        units=(unit,),
        scenario=scenario_fields("ecoli_turbidostat"),
        hours=hours,
        runs=runs,
    )
    began_s = time.perf_counter()
    found = rehearse(plan, scheduler=Processes())
    took_s = time.perf_counter() - began_s
    print(f"{runs} runs of {hours:g} h in {took_s:.0f} s: {runs * hours * 3600 / took_s:,.0f} × real time")
    record: RunRecord = rehearse_once(msgspec.structs.replace(plan, seed=plan.seed + 1000), runs, lambda: True)
    real, forecast = record.values["unit1"], found.units[0]
    shown = [record.hours.index(hour) for hour in found.hours]
    for name in QUANTITIES:
        band = getattr(forecast, name)
        values = [real[name][index] for index in shown]
        inside = fmean(low <= value <= high for low, value, high in zip(band.low, values, band.high, strict=True))
        end = f"{band.low[-1]:.4g} {band.median[-1]:.4g} {band.high[-1]:.4g}"
        print(f"{name:18} forecast at the end {end}, run {values[-1]:.4g}; {100 * inside:.0f} % within the band")
    for bottle in forecast.bottles:
        print(bottle)
    for hazard in [*found.hazards, *record.hazards]:
        print(hazard)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 24.0, int(sys.argv[2]) if len(sys.argv) > 2 else 8)
