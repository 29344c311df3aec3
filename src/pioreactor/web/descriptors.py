"""Descriptions of jobs, automations and groups of settings, from which the UI builds forms and pages."""

from typing import Literal, TypeVar, cast

import msgspec

from pioreactor.jobs.published_attribute import AnyAttribute
from pioreactor.jobs.settings import AnySetting, Setting
from pioreactor.models import ReactorModel
from pioreactor.web.ports import Catalog, DeclaredAutomation, DeclaredJob

A = TypeVar("A", bound=AnyAttribute)


class DescribedSetting(msgspec.Struct, omit_defaults=True):
    """One published setting; `min` and `max` are in `unit`."""

    key: str
    type: Literal["numeric", "boolean", "string", "json"]
    display: bool
    description: str | None = None
    unit: str | None = None
    label: str | None = None
    editable: bool = True
    min: float | None = None
    max: float | None = None
    default: object = None
    options: list[str] | None = None


class DescribedJob(msgspec.Struct, omit_defaults=True):
    """One job that can be started."""

    job_name: str
    display_name: str
    display: bool
    published_settings: list[DescribedSetting]
    source: str | None = None
    description: str | None = None
    subtext: str | None = None


class DescribedSettings(msgspec.Struct, omit_defaults=True):
    """Group of published values that belong to no single job."""

    key: str
    display_name: str
    display: bool
    published_settings: list[DescribedSetting]
    description: str | None = None


class AutomationField(msgspec.Struct, omit_defaults=True):
    """One field of an automation's form; `min` and `max` are in `unit`."""

    key: str
    label: str
    type: Literal["numeric", "string", "select", "boolean"]
    default: object = None
    unit: str | None = None
    disabled: bool = False
    required: bool = True
    options: list[str] | None = None
    min: float | None = None
    max: float | None = None
    description: str | None = None


class DescribedAutomation(msgspec.Struct, omit_defaults=True):
    """An automation that its job can run."""

    automation_name: str
    display_name: str
    description: str
    fields: list[AutomationField]
    published_settings: list[DescribedSetting]
    """What it publishes while it runs; what is `editable` can be changed while it runs."""
    source: str | None = None


class Option(msgspec.Struct):
    """One option of a command."""

    name: str
    long_flag: str
    help: str
    required: bool
    multiple: bool
    default: object
    type: str


class Capability(msgspec.Struct, omit_defaults=True):
    """Something this unit can run."""

    job_name: str
    help: str
    arguments: list[str]
    options: list[Option]
    published_settings: dict[str, object]
    cli_example: str
    automation_name: str | None = None


def describe_job(job: DeclaredJob, model: ReactorModel | None = None) -> DescribedJob:
    """Return a job with what it publishes; with a unit's model bounds are those that the model allows."""
    return DescribedJob(
        job_name=job.job_name,
        display_name=job.display_name,
        display=job.display,
        published_settings=[describe_attribute(_bounded(each, model)) for each in job.published.values()],
        source=job.source,
        description=job.description,
    )


def describe_attribute(attribute: AnyAttribute) -> DescribedSetting:
    """Return a published attribute as the UI shows it; a setting with its bounds and choices."""
    described = DescribedSetting(
        key=attribute.name,
        type=_type_of(attribute),
        display=attribute.display and attribute.label is not None,
        description=attribute.help,
        unit=attribute.unit,
        label=attribute.label,
        editable=isinstance(attribute, Setting),
        default=attribute.default,
    )
    if isinstance(attribute, Setting):
        described.min, described.max = attribute.ge, attribute.le
        described.options = list(attribute.choices) if attribute.choices is not None else None
    return described


def describe_automation(automation: DeclaredAutomation, model: ReactorModel | None = None) -> DescribedAutomation:
    """Return an automation with the form of its settings, and with what it publishes while it runs.

    With a unit's model bounds are those that the model allows.
    """
    form = automation.form if automation.form is not None else automation.settings
    return DescribedAutomation(
        automation_name=automation.automation_name,
        display_name=automation.display_name,
        description=automation.description,
        source=automation.source,
        fields=[_field(_bounded(setting, model)) for setting in form.values()],
        published_settings=[describe_attribute(_bounded(each, model)) for each in automation.published.values()],
    )


def _bounded(attribute: A, model: ReactorModel | None) -> A:
    return cast(A, attribute.for_model(model)) if model is not None and isinstance(attribute, Setting) else attribute


def describe_capabilities(catalog: Catalog) -> list[Capability]:
    """Return everything that can be run; automations are listed in addition to their job."""
    found = [_capability(job.job_name, job.description, job) for job in catalog.jobs()]
    for kind in ("dosing", "led", "temperature"):
        for automation in catalog.automations(kind):
            capability = _capability(f"{kind}_automation", automation.description, automation)
            capability.automation_name = automation.automation_name
            capability.cli_example += f" --automation-name {automation.automation_name}"
            found.append(capability)
    return found


def _capability(job_name: str, help_text: str, declared: DeclaredJob | DeclaredAutomation) -> Capability:
    return Capability(
        job_name=job_name,
        help=help_text,
        arguments=[],
        options=[
            Option(
                name=name,
                long_flag=name.replace("_", "-"),
                help=setting.help if setting.help is not None else "",
                required=False,
                multiple=False,
                default=setting.default,
                type=setting.datatype,
            )
            for name, setting in declared.settings.items()
        ],
        published_settings={name: attribute.describe() for name, attribute in declared.published.items()},
        cli_example=f"pio run {job_name}",
    )


def _field(setting: AnySetting) -> AutomationField:
    type_ = _type_of(setting)
    return AutomationField(
        key=setting.name,
        label=setting.label if setting.label is not None else setting.name.replace("_", " ").capitalize(),
        type="select" if setting.choices is not None else ("string" if type_ == "json" else type_),
        default=setting.suggestion if setting.suggestion is not None else setting.default,
        unit=setting.unit,
        options=list(setting.choices) if setting.choices is not None else None,
        min=setting.ge,
        max=setting.le,
        description=setting.help,
    )


def _type_of(attribute: AnyAttribute) -> Literal["numeric", "boolean", "string", "json"]:
    match attribute.datatype:
        case "float" | "integer":
            return "numeric"
        case "boolean":
            return "boolean"
        case "string":
            return "string"
        case _:
            return "json"
