"""The simulated reactors of one run, as the units are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.bootstrap.simulated import START, SimulatedUnit, Simulation, build_simulation
from pioreactor.calibrations import store
from pioreactor.calibrations.defaults import install_simulated
from pioreactor.calibrations.models import PUMP_DEVICES
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan, RehearsedUnit
from pioreactor.rehearsal.parameters import drawn
from pioreactor.rehearsal.strain import scenario_of
from pioreactor.structs import from_timestamp

_OWN_SECTIONS: Final = ("cluster", "mqtt", "storage", "ui", "pioreactor", "logging")
"""Sections that say where a unit is, not what it does."""
_OF_ANOTHER_UNIT: Final = ("is_active", "pioreactor_unit", "judgment")


def build(plan: RehearsalPlan, number: int, data_root: Path) -> Simulation:
    """Return the units of a run, each with its own draw of the parameters."""
    units = {unit.name: unit for unit in plan.units}
    return build_simulation(
        units=list(units),
        experiment=plan.experiment,
        scenario=scenario_of(plan.scenario),
        seed=plan.seed * 1000 + number,
        models={name: unit.model for name, unit in units.items()},
        scenarios={name: drawn(plan, unit, number) for name, unit in units.items()},
        configs=dict(zip(units, map(config_text, plan.units), strict=True)),
        data_root=data_root,
        start=START,
    )


def config_text(unit: RehearsedUnit) -> str:
    """Return the configuration of a unit as the text of a file, without what says where the unit is."""
    names = [name for name in unit.config if name.partition(".")[0] not in _OWN_SECTIONS]
    sections = {name: unit.config[name] for name in names}
    sections["bioreactor"] = {**sections.get("bioreactor", {}), **_vial(unit)}
    return "\n".join(map(_section_text, sections, sections.values()))


def _vial(unit: RehearsedUnit) -> dict[str, str]:
    """Return the options of what is in the vial, if that is known."""
    if unit.volume_ml is None:
        return {}
    return {
        "initial_volume_ml": str(unit.volume_ml),
        "initial_alt_media_fraction": str(unit.alt_media_fraction),
    }


def _section_text(name: str, values: Mapping[str, str]) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())


def install_calibrations(simulated: SimulatedUnit, unit: RehearsedUnit) -> None:
    """Give a simulated unit the calibrations of its pumps; those of sensors belong to the real sensors."""
    if unit.calibrations is None:
        install_simulated(simulated.runtime)
        return
    for device in sorted(PUMP_DEVICES & unit.calibrations.keys()):
        _install(simulated, device, unit.calibrations[device])


def _install(simulated: SimulatedUnit, device: str, values: Mapping[str, object]) -> None:
    fields = {key: values[key] for key in values if key not in _OF_ANOTHER_UNIT}
    fields["created_at"] = from_timestamp(str(values["created_at"]))  # JSON has it as text, files have a time
    calibration = store.parse(msgspec.yaml.encode(fields).decode())
    store.save(simulated.runtime, device, calibration)
    store.set_active(simulated.runtime, device, calibration.calibration_name)
