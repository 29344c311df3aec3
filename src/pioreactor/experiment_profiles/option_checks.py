"""Checks of the options of a profile's actions against what jobs, automations and the units' vials accept."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pioreactor.automations import registry
from pioreactor.exc import NotFoundError, SettingError
from pioreactor.experiment_profiles.lenient_reader import Diagnostic, Severity
from pioreactor.job_catalog import JOBS
from pioreactor.jobs.settings import AnySetting, Setting, published_of, settings_of
from pioreactor.models import ReactorModel
from pioreactor.states import JobState

AUTOMATION: Final = "_automation"
PUMPS: Final = ("add_media", "add_alt_media", "remove_waste", "circulate_media", "circulate_alt_media")
PUMP_STEPS: Final = ("media", "alt_media", "waste", "add_media", "add_alt_media", "remove_waste")
"""Steps of `pumps` that move a volume [mL]."""
RENAMED_OPTIONS: Final = {
    "volume": "exchange_volume_ml", "target_od": "target_biomass", "target_normalized_od": "target_biomass",
    "target_nod": "target_biomass",
}  # fmt: skip
"""Options in profiles of older releases → their present names."""


STATES: Final = (JobState.READY, JobState.SLEEPING, JobState.DISCONNECTED)
"""States that a running job can be told to enter."""


def classes_for(job: str, automation: str | None, plugin_jobs: Mapping[str, type]) -> list[type]:
    """Return the classes that options of a job may be for: every automation if none is named, none for a command.

    Raise `NotFoundError` for an automation that is not known.
    """
    if job not in JOBS:
        return [plugin_jobs[job]] if job in plugin_jobs else []
    if not job.endswith(AUTOMATION):
        return [JOBS[job].load()]
    kind = job.removesuffix(AUTOMATION)
    return [registry.find(kind, name) for name in ([automation] if automation is not None else registry.names(kind))]


def faults_of(
    job: str, options: Mapping[str, object], automation: str | None, path: str, plugin_jobs: Mapping[str, type] = {}
) -> Iterator[Diagnostic]:
    """Give what a job or automation does not accept of options at its start; nothing if its class is not known.

    An unknown automation or option of a job is a warning, since a plugin on the unit may know it.
    """
    try:
        classes = classes_for(job, automation, plugin_jobs)
    except NotFoundError as error:
        hint = "A plugin may have to be installed on the units."
        yield Diagnostic("warning", "automation.unknown", str(error), f"{path}.automation_name", hint)
        return
    if len(classes) == 1:
        found = (_option_fault(classes[0], given, value, path, automation) for given, value in options.items())
        # The command of a plugin may have options that its class does not.
        yield from (each for faults in found for each in faults if job in JOBS or each.code != "option.unknown")


def update_faults(
    job: str, settings: Mapping[str, object], automation: str | None, path: str, plugin_jobs: Mapping[str, type]
) -> Iterator[Diagnostic]:
    """Give the settings that a running job does not have or that cannot be changed, and values that it refuses.

    Without the name of the automation, a setting is accepted if an automation of that kind has it.
    """
    try:
        classes = classes_for(job, automation, plugin_jobs)
    except NotFoundError:
        return  # reported where it is started
    for given, value in settings.items():
        if given.removeprefix("$") == "state":
            if value not in STATES and not _is_expression(value):
                hint = f"One of {', '.join(STATES)}."
                yield Diagnostic("error", "option.value", f"{value!r} is not a state", f"{path}.{given}", hint)
            continue
        faults = [list(_setting_fault(cls, job, given, value, path)) for cls in classes]
        # The classes are alternatives: what one of them accepts is right.
        yield from min(faults, key=lambda found: [one.code == "setting.unknown" for one in found], default=[])


def _setting_fault(cls: type, job: str, given: str, value: object, path: str) -> Iterator[Diagnostic]:
    published, name = published_of(cls), given.replace("-", "_")
    known = published.get(name)
    if isinstance(known, Setting):
        yield from _value_fault(known, value, f"{path}.{given}")
        return
    what = getattr(cls, "automation_name", None) or job
    message = f"{given} of {what} is read-only" if known is not None else f"{what} has no setting {given!r}"
    hint = _present_name(name, settings_of(cls))
    yield Diagnostic("error", "setting.unknown", message, f"{path}.{given}", hint)


def _present_name(name: str, settings: Mapping[str, AnySetting]) -> str:
    present = RENAMED_OPTIONS.get(name)
    if present in settings:
        return f"It is called {present!r} now."
    return f"It has: {', '.join(sorted(settings))}." if settings else "It has no settings that can be changed."


def _option_fault(cls: type, given: str, value: object, path: str, automation: str | None) -> Iterator[Diagnostic]:
    settings = settings_of(cls)
    name = given.replace("-", "_")
    if name in settings:
        yield from _value_fault(settings[name], value, f"{path}.{given}")
    elif name != "automation_name" and name not in _arguments(cls):
        message = f"{automation or getattr(cls, 'job_name', cls.__name__)} has no option {given!r}"
        # An automation refuses to start with an option that it does not know.
        severity: Severity = "warning" if automation is None else "error"
        yield Diagnostic(severity, "option.unknown", message, f"{path}.{given}", _present_name(name, settings))


def volume_faults(
    job: str, options: Mapping[str, object], models: Mapping[str, ReactorModel], path: str
) -> Iterator[Diagnostic]:
    """Give the volumes and durations of pump actions that are no amount, or more than a vial holds."""
    capacity_ml = min((model.reactor_capacity_ml for model in models.values()), default=math.inf)
    for given, value in options.items():
        name = given.replace("-", "_").rstrip("_")
        if name in ("duration", "sleep"):
            yield from _amount_fault(given, value, f"{path}.{given}", None)
        elif name == "ml" or (job == "pumps" and name in PUMP_STEPS):
            # More waste than the vial holds can be asked for, to be sure that all is removed.
            is_waste = job == "remove_waste" or name in ("waste", "remove_waste")
            yield from _amount_fault(given, value, f"{path}.{given}", math.inf if is_waste else capacity_ml)


def _amount_fault(given: str, value: object, path: str, capacity_ml: float | None) -> Iterator[Diagnostic]:
    """Give the fault of a volume [mL], or of a duration [s] if there is no capacity."""
    if _is_expression(value):
        return
    amount = _number(value)
    if amount is None or amount < 0:
        unit = "s" if capacity_ml is None else "mL"
        message = f"{given} must be a number of at least 0 {unit}, not {value!r}"
        yield Diagnostic("error", "option.value", message, path, f"Write a number of {unit}.")
    elif capacity_ml is not None and amount > capacity_ml:
        message = f"{given} is {amount:g} mL, the vial holds {capacity_ml:g} mL"
        yield Diagnostic("error", "option.value", message, path, "Divide it into smaller doses.")


def model_faults(
    classes: Iterable[type], options: Mapping[str, object], models: Mapping[str, ReactorModel], path: str
) -> Iterator[Diagnostic]:
    """Give the values above what the model of a unit allows, by the declarations of those jobs or automations."""
    bounded = {name: each for cls in classes for name, each in settings_of(cls).items() if each.le_by_model is not None}
    for given, value in options.items():
        setting, number = bounded.get(given.replace("-", "_")), _number(value)
        if setting is None or number is None:
            continue
        for unit, model in models.items():
            most = setting.for_model(model).le
            if most is not None and number > most:
                amounts = [f"{each:g} {setting.unit or ''}".rstrip() for each in (number, most)]
                message = f"{given} is {amounts[0]}, but {unit} ({model.display_name}) allows at most {amounts[1]}"
                yield Diagnostic("error", "option.value", message, f"{path}.{given}", f"Choose at most {amounts[1]}.")


def _is_expression(value: object) -> bool:
    return isinstance(value, str) and "${{" in value


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
    if value is None or _is_expression(value):
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
