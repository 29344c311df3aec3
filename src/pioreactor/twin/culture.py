"""The culture: growth, substrates, oxygen, light, drug and evolution in one well-mixed liquid."""

import math
import random
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from pioreactor.twin.drugs import NO_DRUG, Drug

NotNegative = Annotated[float, Meta(ge=0.0)]
OXYGEN_SATURATION_MG_L = 7.0
"""Dissolved oxygen in equilibrium with air at about 35 °C."""
UV_KILL_PER_H = 6.0
"""Death rate at full UV light [1/h], an estimate."""
LIGHT_PATH_CM = 2.7


@dataclass(frozen=True, slots=True)
class Strain:
    """Parameters of an organism in its medium. Concentrations in g/L of dry mass or substrate, rates per hour.

    `second_*` describe a substrate made by overflow on the first one (acetate, ethanol) and eaten after it.
    """

    name: str
    mu_max_per_h: float
    lag_h: float
    od_per_g_l: float
    cells_per_ml_per_od: float
    cross_section: float
    first_k_g_l: float
    first_yield: float
    feed_g_l: float
    second_rate: float = 0.0
    second_k_g_l: float = 0.1
    second_yield: float = 0.3
    second_per_biomass: float = 0.0
    repression_g_l: float = 0.05
    product_ki_g_l: float = 0.0
    product_max_g_l: float = 0.0
    maintenance_per_h: float = 0.002
    death_per_h: float = 0.01
    temperature_min: float = 5.0
    temperature_optimum: float = 37.0
    temperature_max: float = 45.0
    oxygen_yield: float = 0.8
    oxygen_k_mg_l: float = 0.2
    anaerobic_fraction: float = 0.4
    size_gain: float = 0.25
    light_k_ue: float = 0.0
    light_inhibition_ue: float = 1500.0
    light_absorption: float = 0.15


STRAINS: dict[str, Strain] = {
    strain.name: strain
    for strain in (
        Strain(
            "ecoli",
            mu_max_per_h=0.85,
            lag_h=1.0,
            od_per_g_l=2.7,
            cells_per_ml_per_od=8e8,
            cross_section=0.65,
            first_k_g_l=0.05,
            first_yield=0.47,
            feed_g_l=4.0,
            second_rate=0.25,
            second_per_biomass=0.35,
            product_ki_g_l=6.0,
            temperature_min=7.5,
            temperature_optimum=40.0,
            temperature_max=48.0,
        ),
        Strain(
            "yeast",
            mu_max_per_h=0.42,
            lag_h=2.0,
            od_per_g_l=1.7,
            cells_per_ml_per_od=2e7,
            cross_section=1.0,
            first_k_g_l=0.2,
            first_yield=0.15,
            feed_g_l=10.0,
            second_rate=0.30,
            second_k_g_l=0.2,
            second_yield=0.45,
            second_per_biomass=2.8,
            repression_g_l=0.1,
            product_max_g_l=101.6,
            death_per_h=0.005,
            temperature_min=3.0,
            temperature_optimum=32.0,
            temperature_max=42.0,
            anaerobic_fraction=0.8,
        ),
        Strain(
            "phototroph",
            mu_max_per_h=0.12,
            lag_h=10.0,
            od_per_g_l=1.5,
            cells_per_ml_per_od=7e6,
            cross_section=0.8,
            first_k_g_l=0.05,
            first_yield=1.0,
            feed_g_l=3.0,
            death_per_h=0.002,
            temperature_min=5.0,
            temperature_optimum=30.0,
            temperature_max=39.0,
            anaerobic_fraction=1.0,
            light_k_ue=100.0,
        ),
    )
}


def cardinal_temperature(strain: Strain, celsius: float) -> float:
    """Return growth relative to the optimum temperature (Rosso 1995), 0 outside the strain's range."""
    low, best, high = strain.temperature_min, strain.temperature_optimum, strain.temperature_max
    if not low < celsius < high:
        return 0.0
    top = (celsius - high) * (celsius - low) ** 2
    bottom = (best - low) * ((best - low) * (celsius - best) - (best - high) * (best + low - 2.0 * celsius))
    return max(0.0, top / bottom)


class CultureState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes in a culture while it grows. Units are those of `Culture`."""

    genotypes: list[NotNegative]
    first_g_l: NotNegative
    second_g_l: NotNegative
    oxygen_mg_l: NotNegative
    drug_ug_ml: NotNegative
    readiness: NotNegative
    induction: float
    size: Annotated[float, Meta(gt=0.0)]
    light_k_ue: NotNegative


class Culture:
    """Cells in their medium. Densities [g/L dry mass], drug [µg/mL], oxygen [mg/L]; `step` advances it."""

    def __init__(self, strain: Strain, *, density_g_l: float, drug: Drug = NO_DRUG, rng: random.Random) -> None:
        self.strain = strain
        self.drug = drug
        self.genotypes = [density_g_l] + [0.0] * drug.steps
        self.first_g_l = strain.feed_g_l
        self.second_g_l = 0.0
        self.oxygen_mg_l = OXYGEN_SATURATION_MG_L
        self.drug_ug_ml = 0.0
        self.readiness = 1.0 / math.expm1(strain.mu_max_per_h * strain.lag_h) if strain.lag_h > 0 else 1e6
        self.induction = 0.0
        self.size = 1.0
        self.growth_rate_per_h = 0.0
        self.total_g_l = density_g_l
        self.light_k_ue = strain.light_k_ue
        self._rng = rng
        self._births_g = [0.0] * (drug.steps + 1)
        self._temperature_factor = 1.0
        self._heat_death_per_h = 0.0
        self._light_factor = 1.0
        self._uv_death_per_h = 0.0

    def state(self) -> CultureState:
        """Return what `restore` takes."""
        return CultureState(*(getattr(self, name) for name in CultureState.__struct_fields__))

    def restore(self, state: CultureState) -> None:
        """Continue from a state; one of a drug with another number of steps keeps its cells, none of them adapted."""
        for name in state.__struct_fields__:
            setattr(self, name, getattr(state, name))
        self.total_g_l = sum(state.genotypes)
        steps = len(self._births_g)
        self.genotypes = [*state.genotypes] if len(state.genotypes) == steps else [self.total_g_l] + [0.0] * (steps - 1)

    @property
    def od(self) -> float:
        """True optical density at 600 nm."""
        return self.total_g_l * self.strain.od_per_g_l

    @property
    def scattering_mg_ml(self) -> float:
        """Density as the photodiodes see it: dry yeast-equivalent, growing cells being larger."""
        return self.total_g_l * self.strain.cross_section * self.size

    def set_temperature(self, celsius: float) -> None:
        """Let the liquid have this temperature from the next step on."""
        self._temperature_factor = cardinal_temperature(self.strain, celsius)
        excess = celsius - self.strain.temperature_max
        self._heat_death_per_h = min(20.0, excess) if excess > 0.0 else 0.0

    def set_light(self, micro_einstein: float, *, uv_fraction: float, duration_h: float) -> None:
        """Let this light (µmol/m²/s at the wall, mean of the last `duration_h`) shine from the next step on."""
        self._uv_death_per_h = UV_KILL_PER_H * uv_fraction
        strain = self.strain
        if strain.light_k_ue <= 0.0:
            return
        depth = strain.light_absorption * self.od * LIGHT_PATH_CM
        inside = micro_einstein * (-math.expm1(-depth) / depth if depth > 1e-6 else 1.0)
        aim = strain.light_k_ue * (0.7 + 0.6 * inside / (inside + 2.0 * strain.light_k_ue))
        self.light_k_ue += (aim - self.light_k_ue) * -math.expm1(-duration_h / 6.0)
        self._light_factor = inside / (self.light_k_ue + inside + inside * inside / strain.light_inhibition_ue)

    def dilute(self, kept: float, *, feed_g_l: float, drug_ug_ml: float) -> None:
        """Mix in fresh liquid: `kept` is the share of the old liquid in the new volume."""
        fresh = 1.0 - kept
        self.genotypes = [density * kept for density in self.genotypes]
        self.total_g_l *= kept
        self.first_g_l = self.first_g_l * kept + fresh * feed_g_l
        self.second_g_l *= kept
        self.drug_ug_ml = self.drug_ug_ml * kept + fresh * drug_ug_ml
        self.oxygen_mg_l = self.oxygen_mg_l * kept + fresh * OXYGEN_SATURATION_MG_L

    def concentrate(self, factor: float) -> None:
        """Take pure water away (evaporation): everything dissolved or suspended is denser by `factor`."""
        self.genotypes = [density * factor for density in self.genotypes]
        self.total_g_l *= factor
        self.first_g_l *= factor
        self.second_g_l *= factor
        self.drug_ug_ml *= factor

    def step(self, dt_h: float, *, oxygen_transfer_per_h: float) -> None:
        """Advance by `dt_h`; good up to a minute. `oxygen_transfer_per_h` is kLa."""
        strain = self.strain
        mu_max = strain.mu_max_per_h
        on_first, on_second = self._substrate_factors()
        state = mu_max * self._temperature_factor * self._light_factor * self.readiness / (1.0 + self.readiness)
        state *= self._product_factor()
        air = strain.anaerobic_fraction
        if air < 1.0:
            demand = state * (on_first + on_second) * self.total_g_l * 1000.0 / strain.oxygen_yield
            oxygen_factor = self._update_oxygen(dt_h, demand, oxygen_transfer_per_h)
            on_first *= air + (1.0 - air) * oxygen_factor
            on_second *= oxygen_factor
        if self.readiness < 1e6:
            self.readiness *= 1.0 + mu_max * self._temperature_factor * dt_h
        substrate = self.first_g_l + self.induction * self.second_g_l
        death = strain.death_per_h * strain.first_k_g_l / (substrate + strain.first_k_g_l)
        death += self._heat_death_per_h + self._uv_death_per_h
        born = self._grow(dt_h, state * (on_first + on_second), death)
        self._consume(dt_h, born, on_first, on_second)
        relative_growth = max(0.0, self.growth_rate_per_h) / mu_max
        self.size += (1.0 + strain.size_gain * relative_growth - self.size) * dt_h / 1.5

    def _substrate_factors(self) -> tuple[float, float]:
        strain = self.strain
        first = self.first_g_l
        on_first = first / (strain.first_k_g_l + first)
        if strain.second_rate <= 0.0:
            return on_first, 0.0
        second = self.second_g_l
        derepressed = strain.repression_g_l / (strain.repression_g_l + first)
        return on_first, self.induction * strain.second_rate * second / (strain.second_k_g_l + second) * derepressed

    def _product_factor(self) -> float:
        strain = self.strain
        if strain.product_ki_g_l > 0.0:
            return 1.0 / (1.0 + self.second_g_l / strain.product_ki_g_l)
        if strain.product_max_g_l > 0.0 and self.second_g_l > 0.0:
            return max(0.0, 1.0 - math.pow(self.second_g_l / strain.product_max_g_l, 1.95))
        return 1.0

    def _update_oxygen(self, dt_h: float, demand_mg_l_h: float, transfer_per_h: float) -> float:
        """Advance dissolved oxygen (implicit Euler with Monod uptake: exact in its steady state), return its factor."""
        k = self.strain.oxygen_k_mg_l
        a = 1.0 + transfer_per_h * dt_h
        c = self.oxygen_mg_l + transfer_per_h * OXYGEN_SATURATION_MG_L * dt_h
        b = a * k + demand_mg_l_h * dt_h - c
        oxygen = (math.sqrt(b * b + 4.0 * a * c * k) - b) / (2.0 * a)
        self.oxygen_mg_l = oxygen
        return oxygen / (k + oxygen)

    def _grow(self, dt_h: float, mu_per_h: float, death_per_h: float) -> float:
        """Let every genotype grow (exponential Euler); return the biomass born [g/L]."""
        loss = self.strain.maintenance_per_h + death_per_h
        before = self.total_g_l
        if len(self.genotypes) == 1 and self.drug_ug_ml <= 0.0:
            rate = mu_per_h - loss
            after = before * math.exp(rate * dt_h)
            self.genotypes[0] = self.total_g_l = after
            self.growth_rate_per_h = rate
            return mu_per_h * dt_h * before
        born = total = 0.0
        for i, density in enumerate(self.genotypes):
            if density <= 0.0:
                continue
            mu = mu_per_h * self.drug.growth_factor(i, self.drug_ug_ml, self.strain.mu_max_per_h)
            if mu > 0.0:
                self._births_g[i] += mu * dt_h * density
                born += mu * dt_h * density
            density *= math.exp((mu - loss) * dt_h)
            self.genotypes[i] = density
            total += density
        self.total_g_l = total
        self.growth_rate_per_h = math.log(total / before) / dt_h if total > 0.0 < before else 0.0
        return born

    def _consume(self, dt_h: float, born_g_l: float, on_first: float, on_second: float) -> None:
        strain = self.strain
        both = on_first + on_second
        from_first = born_g_l * on_first / both if both > 0.0 else 0.0
        self.first_g_l = max(0.0, self.first_g_l - from_first / strain.first_yield)
        if strain.second_rate <= 0.0:
            return
        eaten = (born_g_l - from_first) / strain.second_yield
        self.second_g_l = max(0.0, self.second_g_l + from_first * strain.second_per_biomass - eaten)
        derepressed = strain.repression_g_l / (strain.repression_g_l + self.first_g_l)
        rise = 1.5 * derepressed * self.second_g_l / (self.second_g_l + 0.02) * (1.0 - self.induction)
        self.induction += (rise - 0.2 * self.induction) * dt_h

    def mutate(self, volume_ml: float) -> None:
        """Turn the births since the last call into mutants, and let fewer than half a cell die out."""
        cells_per_g_l = self.strain.od_per_g_l * self.strain.cells_per_ml_per_od * volume_ml
        for i in range(self.drug.steps):
            expected = self._births_g[i] * cells_per_g_l * self.drug.mutations_per_division
            self._births_g[i] = 0.0
            if expected > 0.0:
                self.genotypes[i + 1] += self._poisson(expected) / cells_per_g_l
        self.genotypes = [density if density * cells_per_g_l >= 0.5 else 0.0 for density in self.genotypes]
        self.total_g_l = sum(self.genotypes)

    def _poisson(self, expected: float) -> int:
        if expected > 30.0:
            return max(0, round(self._rng.gauss(expected, math.sqrt(expected))))
        limit, product, count = math.exp(-expected), self._rng.random(), 0
        while product > limit:
            product *= self._rng.random()
            count += 1
        return count

    @property
    def ic50_ug_ml(self) -> float:
        """IC50 of the average cell (geometric mean), a measure of how far evolution has come."""
        if self.total_g_l <= 0.0:
            return self.drug.ic50_ug_ml
        mean = sum(i * density for i, density in enumerate(self.genotypes)) / self.total_g_l
        return self.drug.ic50_ug_ml * math.pow(self.drug.fold, mean)
