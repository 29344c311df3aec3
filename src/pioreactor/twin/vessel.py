"""The vial: how much liquid there is, and what share of it came from the alternative medium."""

from dataclasses import dataclass

from pioreactor.twin.culture import Culture


@dataclass(slots=True)
class Vessel:
    """Volumes in mL. Waste leaves only above the tip of the efflux tube; above `capacity_ml` the vial spills."""

    volume_ml: float
    capacity_ml: float
    efflux_ml: float
    alt_fraction: float = 0.0
    media_added_ml: float = 0.0
    alt_media_added_ml: float = 0.0
    waste_removed_ml: float = 0.0
    spilled_ml: float = 0.0
    evaporated_ml: float = 0.0

    def add(self, volume_ml: float, *, alt: bool) -> float:
        """Mix in fresh liquid and return the share of old liquid in the mixture, 0–1."""
        total = self.volume_ml + volume_ml
        if total <= 0.0:
            return 1.0
        kept = self.volume_ml / total
        self.alt_fraction = self.alt_fraction * kept + ((1.0 - kept) if alt else 0.0)
        if alt:
            self.alt_media_added_ml += volume_ml
        else:
            self.media_added_ml += volume_ml
        self.volume_ml = min(total, self.capacity_ml)
        self.spilled_ml += total - self.volume_ml
        return kept

    def remove(self, volume_ml: float) -> float:
        """Suck liquid through the efflux tube and return how much came; the rest was air."""
        removed = min(volume_ml, max(0.0, self.volume_ml - self.efflux_ml))
        self.volume_ml -= removed
        self.waste_removed_ml += removed
        return removed

    def evaporate(self, volume_ml: float) -> float:
        """Lose pure water and return by how much the rest is denser (1 or more)."""
        lost = min(volume_ml, 0.5 * self.volume_ml)
        before = self.volume_ml
        self.volume_ml -= lost
        self.evaporated_ml += lost
        return before / self.volume_ml if self.volume_ml > 0.0 else 1.0


@dataclass(slots=True)
class Vial:
    """A vial as hands carry it: what lives in it, how much there is, and how warm it is [°C]."""

    culture: Culture
    vessel: Vessel
    celsius: float
