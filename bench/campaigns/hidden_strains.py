"""Campaigns on 20 strains that they do not know, against grids: what the setting is worth that each recommends.

The strains are those of the simulated reactor with drawn parameters. A chemostat's steady state is worked out in closed
form from the growth laws of the simulator (Monod with the feed's inhibition, cardinal temperatures); readings have
noise of 5 % of the largest objective, and a culture that washes out has no objective. Arms take a day each.

Run: python -m bench.campaigns.hidden_strains
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean

import numpy as np

from pioreactor.science.campaigns.designs import design
from pioreactor.science.campaigns.factors import Factor, LinearLimit, Setting, Told
from pioreactor.science.campaigns.search_space import SearchSpace
from pioreactor.science.campaigns.suggestions import Record, best_setting, suggest
from pioreactor.twin.culture import STRAINS, Strain, cardinal_temperature

LEVELS = 6
ARMS = 52
"""Less than a third of the arms of a grid of six levels."""
FIRST = 100
"""The optimizer was tuned on strains below this number."""
BATCH = 4
NOISE = 0.05
MEDIUM_COST = 0.1
"""Of medium, in dry mass of the same weight."""
SPACE = SearchSpace(
    (
        Factor("temperature", 22.0, 42.0, "°C", 0.1, LEVELS),
        Factor("dilution", 0.02, 0.6, "1/h", 0.005, LEVELS),
        Factor("media", 0.1, 1.0, "", 0.01, LEVELS),
    ),
    (
        LinearLimit("medium that the waste bottle holds", {"dilution": 1.0, "media": 0.4}, 0.8),
        LinearLimit("warm and hardly fed", {"temperature": 0.05, "media": -1.0}, 1.8),
    ),
)


@dataclass(frozen=True)
class HiddenStrain:
    """A strain, and how much its feed inhibits it."""

    strain: Strain
    inhibition_g_l: float

    @classmethod
    def drawn(cls, number: int) -> HiddenStrain:
        chance = random.Random(f"hidden/{number}")
        base = STRAINS[("ecoli", "yeast")[number % 2]]
        optimum = chance.uniform(27.0, 39.5)
        strain = replace(
            base,
            mu_max_per_h=base.mu_max_per_h * math.exp(0.3 * chance.gauss(0.0, 1.0)),
            first_k_g_l=base.first_k_g_l * math.exp(0.5 * chance.gauss(0.0, 1.0)),
            first_yield=base.first_yield * math.exp(0.2 * chance.gauss(0.0, 1.0)),
            temperature_optimum=optimum,
            temperature_max=optimum + chance.uniform(4.0, 10.0),
            temperature_min=optimum - chance.uniform(20.0, 30.0),
        )
        return cls(strain, strain.feed_g_l * chance.uniform(0.5, 4.0))

    def productivity(self, setting: Setting) -> float | None:
        """Return dry mass less the cost of medium in g/(L·h) at steady state; None when the culture washes out."""
        strain, rate_per_h = self.strain, setting["dilution"]
        feed_g_l = strain.feed_g_l * setting["media"]
        mu_per_h = strain.mu_max_per_h * cardinal_temperature(strain, setting["temperature"])
        mu_per_h = mu_per_h / (1.0 + feed_g_l / self.inhibition_g_l) - strain.death_per_h
        if mu_per_h <= rate_per_h:
            return None
        rest_g_l = strain.first_k_g_l * rate_per_h / (mu_per_h - rate_per_h)
        if rest_g_l >= feed_g_l:
            return None
        return rate_per_h * (strain.first_yield * (feed_g_l - rest_g_l) - MEDIUM_COST * strain.first_yield * feed_g_l)

    def value(self, setting: Setting) -> float:
        found = self.productivity(setting)
        return 0.0 if found is None else found

    def best(self) -> float:
        """Return the largest objective of the settings that are allowed, by a fine search."""
        cube = np.array(list(product(np.linspace(0.0, 1.0, 41), repeat=3)))
        rows = SPACE.settings_at(cube)
        return max(self.value(SPACE.named(row)) for row in rows[SPACE.is_allowed(rows)])


def measured(strain: HiddenStrain, setting: Setting, scale: float, chance: random.Random) -> Told:
    value = strain.productivity(setting)
    return Told(setting, None if value is None else value + NOISE * scale * chance.gauss(0.0, 1.0))


def by_campaign(strain: HiddenStrain, number: int, scale: float) -> tuple[Setting, list[Told]]:
    chance, told = random.Random(f"noise/{number}"), list[Told]()
    while len(told) < ARMS:
        for one in suggest(Record(SPACE, number, told, initial=12), BATCH):
            told.append(measured(strain, one.setting, scale, chance))
    best = best_setting(Record(SPACE, number, told, initial=12))
    assert best is not None
    return best.setting, told


def by_design(strain: HiddenStrain, number: int, scale: float, settings: list[Setting]) -> Setting:
    chance = random.Random(f"grid/{number}")
    told = [measured(strain, setting, scale, chance) for setting in settings]
    return max((one for one in told if one.value is not None), key=lambda one: float(one.value or 0.0)).setting


def main() -> None:
    grid = design(SPACE, "full_factorial", 0, 1)
    shares: dict[str, list[float]] = {"campaign": [], "grid": [], "Sobol": []}
    broken = 0
    for number in range(FIRST, FIRST + 20):
        strain = HiddenStrain.drawn(number)
        best = strain.best()
        setting, told = by_campaign(strain, number, best)
        broken += sum(not SPACE.is_allowed(SPACE.rows([one.setting]))[0] for one in told)
        shares["campaign"].append(strain.value(setting) / best)
        shares["grid"].append(strain.value(by_design(strain, number, best, grid)) / best)
        sobol = design(SPACE, "sobol", ARMS, number)
        shares["Sobol"].append(strain.value(by_design(strain, number, best, sobol)) / best)
        print(f"strain {number}: " + ", ".join(f"{name} {values[-1]:.3f}" for name, values in shares.items()))
    print(f"{'':<10} within 5 %   mean  worst  vial-days")
    for name, values in shares.items():
        days = len(grid) if name == "grid" else ARMS
        within = sum(value >= 0.95 for value in values)
        print(f"{name:<10} {within:>7}/20   {fmean(values):.3f}  {min(values):.3f}  {days:>9}")
    print(f"limits broken: {broken}")


if __name__ == "__main__":
    main()
