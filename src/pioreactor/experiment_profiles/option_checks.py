"""Checks of the options of a profile's actions against what jobs, automations and the units' vials accept."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Final

from pioreactor.automations import registry
from pioreactor.exc import NotFoundError, SettingError
from pioreactor.experiment_profiles.lenient_reader import Diagnostic, Severity
from pioreactor.job_catalog import JOBS
from pioreactor.jobs.settings import AnySetting, settings_of
from pioreactor.models import ReactorModel

AUTOMATION: Final = "_automation"
PUMPS: Final = ("add_media", "add_alt_media", "remove_waste", "circulate_media", "circulate_alt_media")
PUMP_STEPS: Final = ("media", "alt_media", "waste", "add_media", "add_alt_media", "remove_waste")
"""Steps of `pumps` that move a volume [mL]."""
RENAMED_OPTIONS: Final = {
    "volume": "exchange_volume_ml", "target_od": "target_biomass", "target_normalized_od": "target_biomass",
    "target_nod": "target_biomass",
}  # fmt: skip
"""Options in profiles of older releases → their present names."""


def faults_of(job: str, options: Mapping[str, object], automation: str | None, path: str) -> Iterator[Diagnostic]:
    """Give what a job or automation does not accept of options; nothing if its class is not known.

    An unknown automation or option of a job is a warning, since a plugin on the unit may know it.
    """
    if job not in JOBS or (job.endswith(AUTOMATION) and automation is None):
        return
    try:
        cls = JOBS[job].load() if automation is None else registry.find(job.removesuffix(AUTOMATION), automation)
    except NotFoundError as error:
        hint = "A plugin may have to be installed on the units."
        yield Diagnostic("warning", "automation.unknown", str(error), f"{path}.automation_name", hint)
        return
    for given, value in options.items():
        yield from _option_fault(cls, given, value, path, automation)


def _option_fault(cls: type, given: str, value: object, path: str, automation: str | None) -> Iterator[Diagnostic]:
    settings = settings_of(cls)
    name = given.replace("-", "_")
    if name in settings:
        yield from _value_fault(settings[name], value, f"{path}.{given}")
    elif name != "automation_name" and name not in _arguments(cls):
        message = f"{automation or getattr(cls, 'job_name', cls.__name__)} has no option {given!r}"
        present = RENAMED_OPTIONS.get(name)
        hint = f"It is called {present!r} now." if present in settings else f"It has: {', '.join(sorted(settings))}."
        # An automation refuses to start with an option that it does not know.
        severity: Severity = "warning" if automation is None else "error"
        yield Diagnostic(severity, "option.unknown", message, f"{path}.{given}", hint)


def volume_faults(
    job: str, options: Mapping[str, object], models: Mapping[str, ReactorModel], path: str
) -> Iterator[Diagnostic]:
    """Give the volumes and durations of pump actions that are no amount, or more than a vial holds."""
    capacity_ml = min((model.reactor_capacity_ml for model in models.values()), default=math.inf)
    for given, value in options.items():
        name = given.replace("-", "_").rstrip("_")
        is_volume = name == "ml" or (job == "pumps" and name in PUMP_STEPS)
        if is_volume or name in ("duration", "sleep"):
            yield from _amount_fault(given, value, f"{path}.{given}", capacity_ml if is_volume else None)


def _amount_fault(given: str, value: object, path: str, capacity_ml: float | None) -> Iterator[Diagnostic]:
    """Give the fault of a volume [mL], or of a duration [s] if there is no capacity."""
    if isinstance(value, str) and "${{" in value:
        return
    amount = _number(value)
    if amount is None or amount < 0:
        unit = "s" if capacity_ml is None else "mL"
        message = f"{given} must be a number of at least 0 {unit}, not {value!r}"
        yield Diagnostic("error", "option.value", message, path, f"Write a number of {unit}.")
    elif capacity_ml is not None and amount > capacity_ml:
        message = f"{given} is {amount:g} mL, the vial holds {capacity_ml:g} mL"
        yield Diagnostic("error", "option.value", message, path, "Divide it into smaller doses.")


def temperature_faults(
    options: Mapping[str, object], models: Mapping[str, ReactorModel], path: str
) -> Iterator[Diagnostic]:
    """Give a target temperature at which the heater of a unit's model is restrained."""
    name = next((each for each in options if each.replace("-", "_") == "target_temperature"), None)
    target = _number(options[name]) if name is not None else None
    if target is None:
        return
    for unit, model in models.items():
        if target > model.max_temp_to_reduce_heating:
            most = model.max_temp_to_reduce_heating
            message = f"{name} is {target:g} °C, but {unit} ({model.display_name}) reaches at most {most:g} °C"
            yield Diagnostic("error", "option.value", message, f"{path}.{name}", f"Choose at most {most:g} °C.")


def _number(value: object) -> float | None:
    """Return a finite number, also one written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _value_fault(setting: AnySetting, value: object, path: str) -> Iterator[Diagnostic]:
    if value is None or (isinstance(value, str) and "${{" in value):
        return
    try:
        setting.parse(value if isinstance(value, bool | int | float) else str(value))
    except SettingError as error:
        yield Diagnostic("error", "option.value", str(error), path, f"It must be {setting.range_text()}.")


def _arguments(cls: type) -> set[str]:
    """Return the names of what the constructors of a class, and its start, take."""
    constructors = [vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base) and base is not object]
    taken = {name for each in constructors for name in inspect.signature(each).parameters}
    return taken | {option.name for option in getattr(cls, "start_options", ())}
