"""Parameters of one run: the scenario of each unit, drawn from what is known about strain, pumps and room."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from pioreactor.calibrations.defaults import ML_PER_S
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan, RehearsedUnit
from pioreactor.rehearsal.strain import scenario_of
from pioreactor.twin.culture import STRAINS
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import Scenario

GROWTH_LN_SD: Final = 0.08
"""Standard deviation of the maximal growth rate between cultures of one strain, of its logarithm."""
DENSITY_LN_SD: Final = 0.05
LAG_LN_SD: Final = 0.2
AMBIENT_SD_CELSIUS: Final = 1.0
_DEAD_DUTY: Final = 10.0
"""Duty [%] below which a pump does not turn."""


def drawn(plan: RehearsalPlan, unit: RehearsedUnit, number: int) -> Scenario:
    """Return the scenario of a unit in one run. The only run of a plan has the nominal values."""
    chance = random.Random(f"{plan.seed}/{number}/{unit.name}")
    width = float(plan.runs > 1)

    def factor(ln_sd: float) -> float:
        return math.exp(width * ln_sd * chance.gauss(0.0, 1.0))

    base = scenario_of(plan.scenario)
    strain = STRAINS[base.strain]
    lag_h = _known(base.lag_h, strain.lag_h) if unit.od is None else 0.0
    return msgspec.structs.replace(
        base,
        mu_max_per_h=_known(base.mu_max_per_h, strain.mu_max_per_h) * factor(GROWTH_LN_SD),
        lag_h=lag_h * factor(LAG_LN_SD),
        start_od=_known(unit.od, base.start_od) * factor(DENSITY_LN_SD),
        ambient_celsius=base.ambient_celsius + width * AMBIENT_SD_CELSIUS * chance.gauss(0.0, 1.0),
        start_celsius=base.start_celsius if unit.celsius is None else unit.celsius,
        volume_ml=base.volume_ml if unit.volume_ml is None else unit.volume_ml,
        efflux_ml=_efflux_ml(unit, base),
        spread=base.spread * width,
        faults=(*base.faults, *_pumps_as_calibrated(unit.calibrations)),
    )


def _known(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _efflux_ml(unit: RehearsedUnit, base: Scenario) -> float | None:
    text = unit.config.get("bioreactor", {}).get("efflux_tube_volume_ml", "")
    return float(text) if text else base.efflux_ml


def _pumps_as_calibrated(calibrations: Mapping[str, Mapping[str, object]] | None) -> Iterator[Fault]:
    """Yield what gives each simulated pump the flow that its calibration says."""
    for device, calibration in ({} if calibrations is None else calibrations).items():
        simulated, flow = _simulated_ml_per_s(calibration), _flow_ml_per_s(calibration)
        if simulated > 0.0 < flow:
            yield Fault("pump_gain", target=device.removesuffix("_pump"), value=flow / simulated)


def _simulated_ml_per_s(calibration: Mapping[str, object]) -> float:
    """Return what a simulated pump delivers as it is driven in a calibration."""
    duty, hz = float(str(calibration.get("dc", 100.0))), float(str(calibration.get("hz", 250.0)))
    return ML_PER_S * (duty - _DEAD_DUTY) / 90.0 * (1.0 + 0.05 * (250.0 - min(hz, 500.0)) / 250.0)


def _flow_ml_per_s(calibration: Mapping[str, object]) -> float:
    """Return the mean flow of the recorded points of a pump's calibration; 0 if it has none."""
    recorded = calibration.get("recorded_data")
    if calibration.get("x") != "Duration" or not isinstance(recorded, dict):
        return 0.0
    seconds = sum(recorded.get("x", ()))
    return sum(recorded.get("y", ())) / seconds if seconds > 0.0 else 0.0
