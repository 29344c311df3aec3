"""Catalog for the web API: jobs and automations of a unit as their classes declare them, imported on first use."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from pioreactor.automations import registry
from pioreactor.job_catalog import JOBS
from pioreactor.jobs.published_attribute import AnyAttribute
from pioreactor.jobs.settings import AnySetting, Setting, published_of
from pioreactor.plugin_management import get_plugins
from pioreactor.web.ports import Kind

_log = logging.getLogger("pioreactor.web")

_AUTOMATION_JOBS: Final[Mapping[str, str]] = {
    "temperature_automation": "Holds or records the temperature of the culture, by one of several rules.",
    "dosing_automation": "Adds media and removes waste, by one of several rules.",
    "led_automation": "Lights the culture, by one of several rules.",
}
"""Descriptions of the jobs that run automations."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A job or an automation, as its class declares it."""

    job_name: str
    automation_name: str
    display_name: str
    description: str
    display: bool
    source: str
    published: Mapping[str, AnyAttribute]

    @property
    def settings(self) -> Mapping[str, AnySetting]:
        return {name: value for name, value in self.published.items() if isinstance(value, Setting)}


class DeclaredCatalog:
    """Built-in jobs and automations, and those of plugins. A class that cannot be imported is skipped and logged."""

    def __init__(self, plugins: Path) -> None:
        """`plugins` is the unit's folder of plugin files."""
        self._plugins = plugins

    def jobs(self) -> Sequence[Declared]:
        return self._jobs

    def automations(self, kind: Kind) -> Sequence[Declared]:
        get_plugins(self._plugins)
        found = []
        for name in registry.names(kind):
            automation = _imported(partial(registry.find, kind, name), f"the automation {name}")
            if automation is not None:
                found.append(_declared(automation, f"{kind}_automation", name, _humanized(name)))
        return found

    @cached_property
    def _jobs(self) -> list[Declared]:
        found = []
        for spec in JOBS.values():
            job = None if spec.leader_only else _imported(spec.load, f"the job {spec.name}")
            if job is not None:
                found.append(_declared(job, spec.name, "", spec.label))
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
                found.append(_declared(value, value.job_name, "", _humanized(value.job_name), source=name))
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
        description=described if automation_name else _AUTOMATION_JOBS.get(job_name, described),
        display=job_name not in JOBS or not JOBS[job_name].is_service,
        source=source if source is not None else ("app" if ours else job.__module__),
        published={name: attribute for name, attribute in published_of(job).items() if name != "state"},
    )


def _imported(find: Callable[[], type], what: str) -> type | None:
    try:
        return find()
    except Exception as error:  # noqa: BLE001 - an error in one plugin must not hide the others
        _log.warning("Skipping %s, which cannot be imported: %s", what, error)
        return None


def _humanized(name: str) -> str:
    return name.replace("_", " ").capitalize()
