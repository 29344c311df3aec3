"""State of the vial as seen by dosing automations."""

from __future__ import annotations

from pioreactor.actions import bioreactor
from pioreactor.actions.volume_tracking import VialState
from pioreactor.calibrations import store
from pioreactor.public_names import FormerName
from pioreactor.runtime.context import Runtime


class VialProperties:
    """Mixin with read-only properties of the vial of a job, from the volume ledger and the configuration."""

    runtime: Runtime
    experiment: str

    vial_volume = FormerName("current_volume_ml")
    liquid_volume = FormerName("current_volume_ml")
    max_volume = FormerName("max_fill_volume_ml")
    max_working_volume_ml = FormerName("efflux_tube_volume_ml")

    @property
    def vial(self) -> VialState:
        """State of the vial in the volume ledger."""
        return bioreactor.vial_state(self.runtime, self.experiment)

    @property
    def current_volume_ml(self) -> float:
        return self.vial.current_volume_ml

    @property
    def alt_media_fraction(self) -> float:
        return self.vial.alt_media_fraction

    @property
    def efflux_tube_volume_ml(self) -> float:
        return self.vial.efflux_tube_volume_ml

    @property
    def max_fill_volume_ml(self) -> float:
        return self.runtime.model().reactor_max_fill_volume_ml

    @property
    def is_od_calibrated(self) -> bool:
        """Whether the angle of a photodiode has an active calibration."""
        return bool(self._calibrated_od_devices())

    def _calibrated_od_devices(self) -> list[str]:
        calibrated = self.runtime.stores.persistent("active_calibrations").items()
        devices = {f"od{angle}" for angle in self.runtime.settings.photodiodes.values() if angle != "REF"}
        return [str(device) for device, _ in calibrated if device in devices]

    def check_od_calibrations(self) -> None:
        """Raise `UnusableCalibrationError` if an active calibration of optical density would give wrong numbers."""
        for device in self._calibrated_od_devices():
            store.load_active(self.runtime, device)
