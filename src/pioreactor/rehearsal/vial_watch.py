"""What one simulated unit does during a run: its quantities, and hazards of its vial and bottles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pioreactor.bootstrap.simulated import SimulatedUnit
from pioreactor.experiment_profiles.rehearsal_plan import RehearsedUnit
from pioreactor.rehearsal.hazards import HazardLog

_ATTRIBUTES: Final[Mapping[str, str]] = {
    "od": "od",
    "growth_rate_per_h": "growth_rate_per_h",
    "celsius": "liquid_celsius",
    "volume_ml": "volume_ml",
    "media_ml": "media_added_ml",
    "alt_media_ml": "alt_media_added_ml",
    "waste_ml": "waste_removed_ml",
}
"""Quantity → attribute of a snapshot of the simulated reactor."""


@dataclass
class VialWatch:
    """Samples a unit; `values` has each quantity at each sample."""

    unit: RehearsedUnit
    simulated: SimulatedUnit
    log: HazardLog
    values: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _ATTRIBUTES})
    _ended: set[str] = field(default_factory=set)

    def sample(self) -> None:
        """Note what the vial has now, and what is wrong with it."""
        snapshot = self.simulated.world.snapshot()
        for name, attribute in _ATTRIBUTES.items():
            self.values[name].append(getattr(snapshot, attribute))
        self._check_vial(snapshot.volume_ml, snapshot.liquid_celsius)
        for bottle in sorted(self.unit.bottles_ml.keys() - self._ended):
            self._check_bottle(bottle, self.unit.bottles_ml[bottle])

    def _check_vial(self, volume_ml: float, celsius: float) -> None:
        model, name = self.simulated.runtime.model(), self.unit.name
        full_ml, hot = model.reactor_max_fill_volume_ml, model.max_temp_to_reduce_heating
        if volume_ml > full_ml:
            self.log.add("vial_too_full", name, f"the vial holds more than its maximum of {full_ml:g} mL")
        if celsius > hot:
            self.log.add("over_temperature", name, f"the liquid is warmer than {hot:g} °C")

    def _check_bottle(self, bottle: str, size_ml: float) -> None:
        """Let an empty bottle give nothing more."""
        if self.values[f"{bottle}_ml"][-1] < size_ml:
            return
        self._ended.add(bottle)
        if bottle == "waste":
            self.log.add("bottle_full", self.unit.name, f"the waste bottle is full: {size_ml:g} mL")
            return
        self.log.add("bottle_empty", self.unit.name, f"the bottle of {bottle} is empty: {size_ml:g} mL are used")
        self.simulated.world.pumps[bottle].air_ml = float("inf")
