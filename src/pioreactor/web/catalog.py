"""Catalog for the web API: jobs and automations of a unit as their classes declare them, imported on first use."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Final, TypeVar

from pioreactor.alarms.rules import AlarmRule
from pioreactor.automations import registry
from pioreactor.job_catalog import JOBS
from pioreactor.jobs.published_attribute import AnyAttribute
from pioreactor.jobs.settings import AnySetting, Setting, published_of
from pioreactor.plugin_management import get_plugins, jobs_of
from pioreactor.plugin_management.descriptor_files import AutomationFile, JobFile, SettingFile
from pioreactor.plugin_management.package_files import AUTOMATION_FILES, descriptors
from pioreactor.types import PublishableSettingDataType
from pioreactor.web.ports import Kind

T = TypeVar("T")
_log = logging.getLogger("pioreactor.web")

_AUTOMATION_JOBS: Final[Mapping[str, str]] = {
    "temperature_automation": "Holds or records the temperature of the culture, by one of several rules.",
    "dosing_automation": "Adds media and removes waste, by one of several rules.",
    "led_automation": "Lights the culture, by one of several rules.",
}
"""Descriptions of the jobs that run automations."""
_DATATYPES: Final[Mapping[str, PublishableSettingDataType]] = {
    "numeric": "float",
    "bool": "boolean",
    "boolean": "boolean",
    "string": "string",
    "select": "string",
    "json": "json",
}
"""Types in descriptors of plugins → datatypes."""


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
    alarm_rules: tuple[AlarmRule, ...] = ()
    form: Mapping[str, AnySetting] | None = None
    """Fields to start it with, as the descriptor of a plugin lists them; None: its settings."""

    @property
    def settings(self) -> Mapping[str, AnySetting]:
        return {name: value for name, value in self.published.items() if isinstance(value, Setting)}


class DeclaredCatalog:
    """Built-in jobs and automations, and those of plugins. A class that cannot be imported is skipped and logged."""

    def __init__(self, plugins: Path) -> None:
        """`plugins` is the unit's folder of plugin files."""
        self._plugins = plugins

    def jobs(self) -> Sequence[Declared]:
        ours = {job.job_name: job for job in self._ours}
        found = {**ours, **{job.job_name: job for job in self._of_plugins() if job.job_name not in ours}}
        for file in descriptors(self._plugins, "ui/jobs", JobFile):
            found[file.job_name] = _described_job(found.get(file.job_name), file)
        return list(found.values())

    def automations(self, kind: Kind) -> Sequence[Declared]:
        get_plugins(self._plugins)
        files = descriptors(self._plugins, AUTOMATION_FILES[kind], AutomationFile)
        described = {file.automation_name: file for file in files}
        found = []
        for name in registry.names(kind):
            automation = _attempted(
                partial(registry.find, kind, name),
                partial(_declared, job_name=f"{kind}_automation", automation_name=name, display_name=_humanized(name)),
                f"the automation {name}",
            )
            if automation is not None:
                file = described.get(name)
                found.append(automation if file is None else _described_automation(automation, file))
        return found

    @cached_property
    def _ours(self) -> list[Declared]:
        specs = [spec for spec in JOBS.values() if not spec.leader_only]
        found = [
            _attempted(
                spec.load,
                partial(_declared, job_name=spec.name, automation_name="", display_name=spec.label),
                f"the job {spec.name}",
            )
            for spec in specs
        ]
        return [job for job in found if job is not None]

    def _of_plugins(self) -> list[Declared]:
        found = [
            _attempted(
                partial(_itself, job),
                partial(
                    _declared,
                    job_name=job.job_name,
                    automation_name="",
                    display_name=_humanized(job.job_name),
                    source=name,
                ),
                f"the job {job.job_name}",
            )
            for name, plugin in list(get_plugins(self._plugins).items())
            for job in jobs_of(plugin)
        ]
        return [job for job in found if job is not None]


def _described_job(job: Declared | None, file: JobFile) -> Declared:
    """Return a job as the descriptor of a plugin shows it; what a plugin's descriptor does not list is not shown."""
    if job is None:
        job = Declared(file.job_name, "", "", "", display=True, source="plugin", published={})
    is_ours = job.source == "app"
    published = {name: attribute if is_ours else _hidden(attribute) for name, attribute in job.published.items()}
    for each in file.published_settings:
        published[each.key] = _relabeled(published.get(each.key), each)
    return replace(
        job,
        display_name=file.display_name,
        description=_given(file.description, job.description),
        display=file.display,
        published=published,
    )


def _described_automation(automation: Declared, file: AutomationFile) -> Declared:
    """Return an automation with the form that the descriptor of its plugin gives."""
    form = {each.key: _relabeled(automation.published.get(each.key), each) for each in file.fields}
    return replace(
        automation,
        display_name=file.display_name,
        description=_given(file.description, automation.description),
        published={name: form.get(name, attribute) for name, attribute in automation.published.items()},
        form={name: each for name, each in form.items() if isinstance(each, Setting)},
    )


def _hidden(attribute: AnyAttribute) -> AnyAttribute:
    hidden = copy.copy(attribute)
    hidden.display = False
    return hidden


def _relabeled(attribute: AnyAttribute | None, file: SettingFile) -> AnyAttribute:
    """Return a copy of an attribute with the words and bounds of a descriptor; one of its own if the class has none."""
    if attribute is None:
        made: AnyAttribute = Setting[object](None, datatype=_DATATYPES[file.type])
        made.__set_name__(Declared, file.key)
    else:
        made = copy.copy(attribute)
    made.label = _given(file.label, _humanized(file.key))
    made.unit = _given(file.unit, made.unit)
    made.help = _given(file.description, made.help)
    made.default = _given(file.default, made.default)
    made.display = file.display
    if isinstance(made, Setting):
        made.ge, made.le = _given(file.min, made.ge), _given(file.max, made.le)
        made.choices = tuple(file.options) if file.options is not None else made.choices
    return made


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
        published={name: each for name, each in _labeled(job).items() if name != "state"},
        alarm_rules=getattr(job, "alarm_rules", ()),
    )


def _labeled(job: type) -> Mapping[str, AnyAttribute]:
    """Return what a job publishes; what a plugin declares without a label is shown under its key in words.

    An attribute of a class of ours without a label is not for the UI.
    """
    ours = next(base for base in job.__mro__ if base.__module__.startswith("pioreactor.") or base is object)
    inherited = published_of(ours)
    return {
        name: attribute if name in inherited or attribute.label is not None else _with_label(attribute)
        for name, attribute in published_of(job).items()
    }


def _with_label(attribute: AnyAttribute) -> AnyAttribute:
    labeled = copy.copy(attribute)
    labeled.label = _humanized(attribute.name)
    return labeled


def _attempted(find: Callable[[], type], describe: Callable[[type], Declared], what: str) -> Declared | None:
    try:
        return describe(find())
    except Exception as error:  # noqa: BLE001 - an error in one plugin must not hide the others
        _log.warning("Skipping %s, which cannot be described: %s", what, error)
        return None


def _itself(job: type) -> type:
    return job


def _given(value: T | None, otherwise: T) -> T:
    return value if value is not None else otherwise


def _humanized(name: str) -> str:
    return name.replace("_", " ").capitalize()
