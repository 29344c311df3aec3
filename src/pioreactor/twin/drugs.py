"""Antibiotics and the genotypes that tolerate them."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug and a chain of genotypes, each tolerating `fold` times more than the one before.

    With `psi_min_per_h` at 0 the drug only slows growth: 1 / (1 + (C/IC50)^hill). Below 0 it kills, after
    Regoes 2004 (AAC 48:3670), and `ic50_ug_ml` is the concentration of no net growth (zMIC), `hill` is kappa.
    """

    name: str
    ic50_ug_ml: float
    hill: float = 2.0
    psi_min_per_h: float = 0.0
    fold: float = 1.0
    steps: int = 0
    cost_per_step: float = 0.02
    mutations_per_division: float = 0.0

    def genotypes(self) -> int:
        return self.steps + 1

    def ic50(self, genotype: int) -> float:
        """Return the IC50 [µg/mL] of a genotype, 0 being the wild type."""
        return self.ic50_ug_ml * math.pow(self.fold, genotype)

    def growth_factor(self, genotype: int, concentration_ug_ml: float, psi_max_per_h: float) -> float:
        """Return by how much growth is multiplied; negative when the drug kills faster than cells divide."""
        fitness = math.pow(1.0 - self.cost_per_step, genotype)
        if concentration_ug_ml <= 0.0:
            return fitness
        relative = math.pow(concentration_ug_ml / self.ic50(genotype), self.hill)
        if self.psi_min_per_h >= 0.0:
            return fitness / (1.0 + relative)
        ratio = self.psi_min_per_h / psi_max_per_h
        return fitness * (1.0 - (1.0 - ratio) * relative / (relative - ratio))


NO_DRUG = Drug("none", ic50_ug_ml=1.0)

DRUGS: dict[str, Drug] = {
    drug.name: drug
    for drug in (
        NO_DRUG,
        Drug("trimethoprim", 1.0, fold=4.5, steps=5, mutations_per_division=1e-8),
        Drug("chloramphenicol", 1.0, fold=2.6, steps=7, mutations_per_division=1e-7),
        Drug("doxycycline", 1.0, fold=1.6, steps=5, mutations_per_division=3e-8),
        Drug("ampicillin", 3.4, hill=0.75, psi_min_per_h=-4.0),
        Drug("ciprofloxacin", 0.017, hill=1.1, psi_min_per_h=-6.5),
        Drug("rifampin", 12.0, hill=2.5, psi_min_per_h=-4.3),
        Drug("streptomycin", 18.5, hill=1.9, psi_min_per_h=-8.8),
        Drug("tetracycline", 0.67, hill=0.61, psi_min_per_h=-8.1),
    )
}
"""Chains of the first three after Toprak 2012; kill curves of the others after Regoes 2004, table 2 (from memory)."""
