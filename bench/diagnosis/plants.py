"""Reactors whose faults are to be diagnosed: activities of which each seed draws culture, volumes, doses and noise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from bench import closed_loops as loops
from pioreactor.automations.dosing.base import DosingAutomationJob, DosingOptions
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.automations.dosing.turbidostat import Turbidostat
from pioreactor.background_jobs.temperature_automation import start_temperature_automation
from pioreactor.testing.simulation import Bench
from pioreactor.twin.scenarios import Scenario

ROOM_CELSIUS = 22.0
SMALL, LARGE = ("pioreactor_20ml", "1.5"), ("pioreactor_40ml", "1.5")


@dataclass(frozen=True)
class Plant:
    """One reactor with a culture and what is done with it."""

    name: str
    scenario: Scenario
    model: tuple[str, str]
    measures_speed: bool
    automation: Callable[[], DosingAutomationJob] | None
    """None for a batch."""
    celsius: float

    def start(self, bench: Bench) -> None:
        bench.start(lambda: start_temperature_automation("thermostat", target_temperature=self.celsius))
        loops.observe(bench, measures_speed=self.measures_speed)
        if self.automation is not None:
            bench.start(self.automation)


@dataclass(frozen=True)
class Activity:
    """Ranges that seeds draw from: growth [1/h], volume of a dose [mL] and, for chemostats, dilution rate [1/h]."""

    growth_per_h: tuple[float, float]
    dose_ml: tuple[float, float] | None = None
    dilution_per_h: tuple[float, float] | None = None
    strain: str = "ecoli"
    model: tuple[str, str] = SMALL
    volume_ml: tuple[float, float] = (12.0, 15.0)
    noise_cv: tuple[float, float] = (0.004, 0.01)
    bubbles: float = 0.002
    measures_speed: bool = True

    def draw(self, name: str, seed: int) -> Plant:
        luck = random.Random(f"diagnosis/{name}/{seed}")
        growth_per_h, volume_ml = luck.uniform(*self.growth_per_h), luck.uniform(*self.volume_ml)
        noise_cv = math.exp(luck.uniform(math.log(self.noise_cv[0]), math.log(self.noise_cv[1])))
        scenario = loops.plant(
            self.strain,
            growth_per_h=growth_per_h,
            noise_cv=noise_cv,
            bubbles=self.bubbles,
            pump_gain=luck.uniform(0.9, 1.1),
            start_od=luck.uniform(0.4, 1.2),
            volume_ml=volume_ml,
            spread=1.0,
        )
        scenario = replace(scenario, ambient_celsius=ROOM_CELSIUS, media_celsius=ROOM_CELSIUS)
        return Plant(
            name,
            scenario,
            self.model,
            self.measures_speed,
            self._draw_automation(luck, volume_ml),
            loops.BEST_CELSIUS[self.strain],
        )

    def _draw_automation(self, luck: random.Random, volume_ml: float) -> Callable[[], DosingAutomationJob] | None:
        if self.dose_ml is None:
            return None
        dose_ml = round(luck.uniform(*self.dose_ml), 2)
        given: DosingOptions = {"current_volume_ml": volume_ml, "efflux_tube_volume_ml": volume_ml}
        if self.dilution_per_h is None:
            return lambda: Turbidostat(target_biomass=1.0, exchange_volume_ml=dose_ml, **given)
        minutes = 60.0 * dose_ml / (luck.uniform(*self.dilution_per_h) * volume_ml)
        return lambda: Chemostat(exchange_volume_ml=dose_ml, duration=minutes, **given)


ACTIVITIES = {
    "turbidostat": Activity((0.5, 1.5), (0.7, 1.0)),
    "turbidostat, slow": Activity((0.2, 0.4), (0.7, 1.0)),
    "turbidostat, small doses": Activity((0.5, 1.5), (0.15, 0.3)),
    "turbidostat, yeast, noise": Activity((0.3, 0.5), (0.7, 1.0), strain="yeast", noise_cv=(0.02, 0.03), bubbles=0.02),
    "turbidostat, 40 mL": Activity((0.5, 1.5), (1.0, 2.0), model=LARGE, volume_ml=(24.0, 30.0)),
    "turbidostat, no speed": Activity((0.5, 1.5), (0.7, 1.0), measures_speed=False),
    "chemostat": Activity((0.8, 1.2), (0.4, 0.7), (0.2, 0.5)),
    "chemostat, small doses": Activity((0.8, 1.2), (0.1, 0.2), (0.2, 0.5)),
    "chemostat, yeast, no speed": Activity((0.4, 0.5), (0.4, 0.7), (0.1, 0.25), strain="yeast", measures_speed=False),
    "batch": Activity((0.3, 0.5), strain="yeast"),
    "batch, 40 mL": Activity((0.4, 0.8), model=LARGE, volume_ml=(24.0, 30.0)),
}
