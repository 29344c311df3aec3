"""Calibrations under former types and in former caches, which code of plugins still uses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pioreactor.calibrations import store
from pioreactor.calibrations.curves import PolyFitCoefficients
from pioreactor.calibrations.models import SimplePeristalticPump
from pioreactor.public_names import warn_deprecated
from pioreactor.runtime import context
from pioreactor.structs.encoding import encode

_PUMPS: Final[Mapping[str, str]] = {name: f"{name}_pump" for name in ("media", "alt_media", "waste")}
_ANGLES: Final[Mapping[str, str]] = {angle: f"od{angle}" for angle in ("45", "90", "135", "180")}
FORMER_CACHES: Final[Mapping[str, Mapping[str, str]]] = {
    "current_pump_calibration": _PUMPS,
    "current_pump_calibrations": _PUMPS,
    "current_od_calibration": _ANGLES,
    "current_od_calibrations": _ANGLES,
}
"""Names of former caches → their keys → the device whose active calibration is meant."""


def cached_calibrations(cache_name: str) -> dict[str, bytes]:
    """Return the active calibrations as a former cache held them: JSON by pump or angle; empty if it is none."""
    devices = FORMER_CACHES.get(cache_name, {})
    if devices:
        warn_deprecated(f"The cache {cache_name}", "pioreactor.calibrations.load_active_calibration(device)")
    active = {key: store.load_active(context.current(), device) for key, device in devices.items()}
    return {key: encode(calibration) for key, calibration in active.items() if calibration is not None}


class PumpCalibration:
    """Former type of a linear pump calibration; constructing it returns a `SimplePeristalticPump`."""

    def __new__(  # type: ignore[misc]  # a factory under the name of a class
        cls,
        *,
        name: str,
        pioreactor_unit: str,
        created_at: datetime,
        hz: float,
        dc: float,
        duration_: float,
        bias_: float,
        voltage: float,
        volumes: list[float] | None = None,
        durations: list[float] | None = None,
        **_former: object,
    ) -> SimplePeristalticPump:
        """Return the calibration with volume = `duration_` [mL/s] · run time + `bias_` [mL]."""
        warn_deprecated("structs.PumpCalibration", "structs.SimplePeristalticPump")
        return SimplePeristalticPump(
            calibration_name=name,
            calibrated_on_pioreactor_unit=pioreactor_unit,
            created_at=created_at,
            curve_data_=PolyFitCoefficients(coefficients=[duration_, bias_]),
            recorded_data={
                "x": durations if durations is not None else [],
                "y": volumes if volumes is not None else [],
            },
            hz=hz,
            dc=dc,
            voltage=voltage,
        )
