"""The strain that is rehearsed, as fields of a scenario of the simulated reactor."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pioreactor.exc import ConfigurationError
from pioreactor.twin.culture import STRAINS
from pioreactor.twin.scenarios import Scenario, check, find_scenario


def scenario_fields(name: str) -> dict[str, object]:
    """Return the fields of a strain, of a named scenario or of a YAML or INI file.

    Raise `ConfigurationError` or `NotFoundError` with what is wrong.
    """
    scenario = Scenario(name=name, strain=name) if name in STRAINS else find_scenario(name)
    fields: dict[str, object] = msgspec.to_builtins(scenario)
    return {key: value for key, value in fields.items() if value not in (None, ())}


def scenario_of(fields: Mapping[str, object]) -> Scenario:
    """Return the scenario with these fields; raise `ConfigurationError` for a field or a value that is none."""
    try:
        scenario = msgspec.convert(fields, Scenario)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"the strain cannot be used: {error}", remedy="See: pio simulate --help") from error
    check(scenario, scenario.name)
    return scenario
