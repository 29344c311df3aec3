"""Effect of a dose on the volume ledger: volume, fraction of alternative media, and totals."""

from dataclasses import dataclass, replace

VARIABLES = (
    "current_volume_ml",
    "efflux_tube_volume_ml",
    "alt_media_fraction",
    "cumulative_media_added_ml",
    "cumulative_alt_media_added_ml",
    "cumulative_waste_removed_ml",
)


@dataclass(frozen=True, slots=True)
class VialState:
    """State of the vial according to the volumes requested from the pumps. Volumes in mL, fraction 0–1."""

    current_volume_ml: float = 14.0
    efflux_tube_volume_ml: float = 14.0
    alt_media_fraction: float = 0.0
    cumulative_media_added_ml: float = 0.0
    cumulative_alt_media_added_ml: float = 0.0
    cumulative_waste_removed_ml: float = 0.0

    def after(self, event: str, volume_ml: float) -> "VialState":
        """Return the state after a dosing event; a negative volume takes back part of an earlier one."""
        if event == "remove_waste":
            return self._after_removal(volume_ml)
        if not event.startswith("add_"):
            return self
        return self._after_addition(event, volume_ml)

    def _after_removal(self, volume_ml: float) -> "VialState":
        volume = max(self.current_volume_ml, 0.0)
        if volume > self.efflux_tube_volume_ml:
            volume = max(volume - volume_ml, self.efflux_tube_volume_ml, 0.0)
        # The pump draws air once the level is down at the efflux tube: only what left the vial is waste.
        removed = max(self.cumulative_waste_removed_ml + max(self.current_volume_ml, 0.0) - volume, 0.0)
        return replace(self, current_volume_ml=volume, cumulative_waste_removed_ml=removed)

    def _after_addition(self, event: str, volume_ml: float) -> "VialState":
        changes: dict[str, float] = {"current_volume_ml": max(self.current_volume_ml + volume_ml, 0.0)}
        if event == "add_media":
            changes["alt_media_fraction"] = self._fraction_after(volume_ml, 0.0)
            changes["cumulative_media_added_ml"] = max(self.cumulative_media_added_ml + volume_ml, 0.0)
        elif event == "add_alt_media":
            changes["alt_media_fraction"] = self._fraction_after(volume_ml, volume_ml)
            changes["cumulative_alt_media_added_ml"] = max(self.cumulative_alt_media_added_ml + volume_ml, 0.0)
        return replace(self, **changes)

    def _fraction_after(self, volume_ml: float, alt_volume_ml: float) -> float:
        total = self.current_volume_ml + volume_ml
        if total <= 0:
            return self.alt_media_fraction
        fraction = (self.alt_media_fraction * self.current_volume_ml + alt_volume_ml) / total
        if fraction < 1e-12:
            return 0.0
        return 1.0 if fraction > 1 - 1e-12 else fraction

    def as_dict(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in VARIABLES}
