"""Parameters of one run: the scenario of each unit, drawn from what is known about strain, pumps and room."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Final

import msgspec

from pioreactor.calibrations.defaults import ML_PER_S
from pioreactor.exc import ConfigurationError
from pioreactor.experiment_profiles.rehearsal_data import RehearsalPlan, RehearsedUnit
from pioreactor.twin.culture import STRAINS
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import Scenario, check, find_scenario

GROWTH_LN_SD: Final = 0.08
"""Standard deviation of the maximal growth rate between cultures of one strain, of its logarithm."""
DENSITY_LN_SD: Final = 0.05
LAG_LN_SD: Final = 0.2
AMBIENT_SD_CELSIUS: Final = 1.0
_DEAD_DUTY: Final = 10.0
"""Duty [%] below which a pump does not turn."""


def scenario_fields(name: str) -> dict[str, object]:
    """Return the fields of a strain, of a named scenario or of a YAML or INI file.

    Raise `ConfigurationError` or `NotFoundError` with what is wrong.
    """
    scenario = Scenario(name=name, strain=name) if name in STRAINS else find_scenario(name)
    fields: dict[str, object] = msgspec.to_builtins(scenario)
    return {key: value for key, value in fields.items() if value is not None and value != ()}


def scenario_of(fields: Mapping[str, object]) -> Scenario:
    """Return the scenario with these fields; raise `ConfigurationError` for a field or a value that is none."""
    try:
        scenario = msgspec.convert(fields, Scenario)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"the strain cannot be used: {error}", remedy="See: pio simulate --help") from error
    check(scenario, scenario.name)
    return scenario


def drawn(plan: RehearsalPlan, unit: RehearsedUnit, number: int) -> Scenario:
    """Return the scenario of a unit in one run. The only run of a plan has the nominal values."""
    chance = random.Random(f"{plan.seed}/{number}/{unit.name}")
    width = 0.0 if plan.runs == 1 else 1.0

    def factor(ln_sd: float) -> float:
        return math.exp(width * ln_sd * chance.gauss(0.0, 1.0))

    base = scenario_of(plan.scenario)
    strain = STRAINS[base.strain]
    growth = strain.mu_max_per_h if base.mu_max_per_h is None else base.mu_max_per_h
    lag = strain.lag_h if base.lag_h is None else base.lag_h
    is_present = unit.od is not None
    return msgspec.structs.replace(
        base,
        mu_max_per_h=growth * factor(GROWTH_LN_SD),
        lag_h=0.0 if is_present else lag * factor(LAG_LN_SD),
        start_od=(base.start_od if unit.od is None else unit.od) * factor(DENSITY_LN_SD),
        ambient_celsius=base.ambient_celsius + width * AMBIENT_SD_CELSIUS * chance.gauss(0.0, 1.0),
        start_celsius=base.start_celsius if unit.celsius is None else unit.celsius,
        volume_ml=base.volume_ml if unit.volume_ml is None else unit.volume_ml,
        efflux_ml=_efflux_ml(unit, base),
        spread=base.spread if width else 0.0,
        faults=(*base.faults, *_pumps_as_calibrated(unit)),
    )


def _efflux_ml(unit: RehearsedUnit, base: Scenario) -> float | None:
    text = unit.config.get("bioreactor", {}).get("efflux_tube_volume_ml", "")
    return float(text) if text else base.efflux_ml


def _pumps_as_calibrated(unit: RehearsedUnit) -> list[Fault]:
    """Return what gives each simulated pump the flow that its calibration says."""
    found = []
    for device, calibration in (unit.calibrations or {}).items():
        flow = _flow_ml_per_s(calibration)
        duty, hz = float(str(calibration.get("dc", 100.0))), float(str(calibration.get("hz", 250.0)))
        if flow is None or duty <= _DEAD_DUTY:
            continue
        simulated = ML_PER_S * (duty - _DEAD_DUTY) / 90.0 * (1.0 + 0.05 * (250.0 - min(hz, 500.0)) / 250.0)
        found.append(Fault("pump_gain", target=device.removesuffix("_pump"), value=flow / simulated))
    return found


def _flow_ml_per_s(calibration: Mapping[str, object]) -> float | None:
    """Return the mean flow of the recorded points of a pump's calibration; None if it has none."""
    recorded = calibration.get("recorded_data")
    if calibration.get("x") != "Duration" or not isinstance(recorded, dict):
        return None
    seconds, volume = sum(recorded.get("x", ())), sum(recorded.get("y", ()))
    return volume / seconds if seconds > 0.0 < volume else None
