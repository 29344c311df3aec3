"""What can run on a unit, read from the classes of jobs and automations; they are imported when first asked for."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pioreactor.automations import registry
from pioreactor.jobs.settings import Setting, settings_of
from pioreactor.plugin_management import get_plugins
from pioreactor.web.descriptors import Kind

_log = logging.getLogger("pioreactor.web")

_JOBS: Final[Mapping[str, tuple[str, str]]] = {
    "stirring": ("pioreactor.background_jobs.stirring.job:Stirrer", "Stirring"),
    "od_reading": ("pioreactor.background_jobs.od_reading.job:ODReader", "Optical density"),
    "growth_rate_calculating": (
        "pioreactor.background_jobs.growth_rate_calculating.job:GrowthRateCalculator",
        "Growth rate",
    ),
    "temperature_automation": (
        "pioreactor.automations.temperature.base:TemperatureAutomationJob",
        "Temperature automation",
    ),
    "dosing_automation": ("pioreactor.automations.dosing.base:DosingAutomationJob", "Dosing automation"),
    "led_automation": ("pioreactor.automations.led.base:LEDAutomationJob", "LED automation"),
    "monitor": ("pioreactor.background_jobs.monitor.job:Monitor", "Monitor"),
}
"""Name → class and what people call it, in the order of the UI."""
_HOSTS: Final[Mapping[str, str]] = {
    "temperature_automation": "Holds or records the temperature of the culture, by one of several rules.",
    "dosing_automation": "Adds media and removes waste, by one of several rules.",
    "led_automation": "Lights the culture, by one of several rules.",
}
"""What the jobs are for that are started as one of their automations."""
_ALWAYS_THERE = frozenset({"monitor"})


@dataclass(frozen=True, slots=True)
class Declared:
    """A job or an automation, as its class declares it."""

    job_name: str
    automation_name: str
    display_name: str
    description: str
    display: bool
    source: str
    settings: Mapping[str, Setting]

    @property
    def options(self) -> Mapping[str, Setting]:
        return {name: setting for name, setting in self.settings.items() if setting.settable}


class DeclaredCatalogue:
    """Ours, and what plugins bring. A class that cannot be imported is left out, and the log says why."""

    def __init__(self, plugins: Path) -> None:
        """`plugins` is the unit's folder of plugin files."""
        self._plugins = plugins

    def jobs(self) -> Sequence[Declared]:
        return self._jobs

    def automations(self, kind: Kind) -> Sequence[Declared]:
        get_plugins(self._plugins)
        found = []
        for name in registry.names(kind):
            automation = _imported(lambda name=name: registry.find(kind, name), f"the automation {name}")
            if automation is not None:
                found.append(_declared(automation, f"{kind}_automation", name, _words(name)))
        return found

    @cached_property
    def _jobs(self) -> list[Declared]:
        found = []
        for job_name, (address, display_name) in _JOBS.items():
            job = _imported(lambda address=address: _at(address), f"the job {job_name}")
            if job is not None:
                found.append(_declared(job, job_name, "", display_name))
        return found + _of_plugins(self._plugins, {job.job_name for job in found})


def _of_plugins(folder: Path, known: set[str]) -> list[Declared]:
    from pioreactor.jobs.job import BackgroundJob

    found = []
    for name, plugin in get_plugins(folder).items():
        for value in vars(plugin.module).values():
            if (
                isinstance(value, type)
                and issubclass(value, BackgroundJob)
                and value.__module__ == plugin.module.__name__
                and value.job_name
                and value.job_name not in known
                and not getattr(value, "automation_name", "")
            ):
                known.add(value.job_name)
                found.append(_declared(value, value.job_name, "", _words(value.job_name), source=name))
    return found


def _declared(
    job: type, job_name: str, automation_name: str, display_name: str, *, source: str | None = None
) -> Declared:
    described = " ".join((job.__doc__ or "").strip().split("\n\n")[0].split()).replace("`", "")
    ours = job.__module__.startswith("pioreactor.")
    return Declared(
        job_name=job_name,
        automation_name=automation_name,
        display_name=display_name,
        description=described if automation_name else _HOSTS.get(job_name, described),
        display=job_name not in _ALWAYS_THERE,
        source=source if source is not None else ("app" if ours else job.__module__),
        settings={name: setting for name, setting in settings_of(job).items() if name != "state"},
    )


def _imported(find: Any, what: str) -> type | None:
    try:
        found: type = find()
    except Exception as error:  # noqa: BLE001 - a plugin's import is an edge: one bad file must not hide the others
        _log.warning("%s cannot be described: %s", what, error)
        return None
    return found


def _at(address: str) -> type:
    module, _, name = address.partition(":")
    found: type = getattr(import_module(module), name)
    return found


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
