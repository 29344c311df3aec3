"""What the UI draws its forms and pages from: jobs, automations, groups of settings and charts, as declared."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from pioreactor.jobs.settings import Setting

Kind = Literal["dosing", "led", "temperature"]


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
    default: Any = None
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
    """A group of values that belong to no single job."""

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
    default: Any = None
    unit: str | None = None
    disabled: bool = False
    required: bool = True
    options: list[str] | None = None
    min: float | None = None
    max: float | None = None
    description: str | None = None


class DescribedAutomation(msgspec.Struct, omit_defaults=True):
    """One rule that a hosting job can follow."""

    automation_name: str
    display_name: str
    description: str
    fields: list[AutomationField]
    source: str | None = None


class Option(msgspec.Struct):
    """One option of a command."""

    name: str
    long_flag: str
    help: str
    required: bool
    multiple: bool
    default: Any
    type: str


class Capability(msgspec.Struct, omit_defaults=True):
    """Something this unit can run."""

    job_name: str
    help: str
    arguments: list[str]
    options: list[Option]
    published_settings: dict[str, Any]
    cli_example: str
    automation_name: str | None = None


class DeclaredJob(Protocol):
    """A job as the catalogue knows it."""

    @property
    def job_name(self) -> str: ...

    @property
    def display_name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def display(self) -> bool: ...

    @property
    def source(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Setting]: ...

    @property
    def options(self) -> Mapping[str, Setting]:
        """What may be said at the start, as `--name value`; a superset of the settable settings."""
        ...


class DeclaredAutomation(Protocol):
    """An automation as the catalogue knows it."""

    @property
    def automation_name(self) -> str: ...

    @property
    def display_name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Setting]: ...


class Catalogue(Protocol):
    """What can run on a unit."""

    def jobs(self) -> Sequence[DeclaredJob]: ...

    def automations(self, kind: Kind) -> Sequence[DeclaredAutomation]: ...


def describe_job(job: DeclaredJob) -> DescribedJob:
    return DescribedJob(
        job_name=job.job_name,
        display_name=job.display_name,
        display=job.display,
        published_settings=[describe_setting(name, setting) for name, setting in job.settings.items()],
        source=job.source,
        description=job.description,
    )


def describe_setting(name: str, setting: Setting) -> DescribedSetting:
    return DescribedSetting(
        key=name,
        type=_type_of(setting),
        display=setting.display and setting.label is not None,
        description=setting.help,
        unit=setting.unit,
        label=setting.label,
        editable=setting.settable,
        min=setting.at_least,
        max=setting.at_most,
        default=setting.default,
        options=list(setting.choices) if setting.choices is not None else None,
    )


def describe_automation(automation: DeclaredAutomation) -> DescribedAutomation:
    """Return the form of an automation: the settings that somebody may choose."""
    return DescribedAutomation(
        automation_name=automation.automation_name,
        display_name=automation.display_name,
        description=automation.description,
        source=automation.source,
        fields=[_field(name, setting) for name, setting in automation.settings.items() if setting.settable],
    )


def describe_capabilities(catalogue: Catalogue) -> list[Capability]:
    """Return everything that can be run, automations beside the job that hosts them."""
    found = [_capability(job.job_name, job.description, job.options, job.settings) for job in catalogue.jobs()]
    for kind in ("dosing", "led", "temperature"):
        for automation in catalogue.automations(kind):
            capability = _capability(
                f"{kind}_automation", automation.description, automation.settings, automation.settings
            )
            capability.automation_name = automation.automation_name
            capability.cli_example += f" --automation-name {automation.automation_name}"
            found.append(capability)
    return found


def _capability(
    job_name: str, help_text: str, options: Mapping[str, Setting], settings: Mapping[str, Setting]
) -> Capability:
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
            for name, setting in options.items()
        ],
        published_settings={name: setting.describe() for name, setting in settings.items()},
        cli_example=f"pio run {job_name}",
    )


def _field(name: str, setting: Setting) -> AutomationField:
    type_ = _type_of(setting)
    return AutomationField(
        key=name,
        label=setting.label if setting.label is not None else name.replace("_", " ").capitalize(),
        type="select" if setting.choices is not None else ("string" if type_ == "json" else type_),
        default=setting.default,
        unit=setting.unit,
        options=list(setting.choices) if setting.choices is not None else None,
        min=setting.at_least,
        max=setting.at_most,
        description=setting.help,
    )


def _type_of(setting: Setting) -> Literal["numeric", "boolean", "string", "json"]:
    match setting.datatype:
        case "float" | "integer":
            return "numeric"
        case "boolean":
            return "boolean"
        case "string":
            return "string"
        case _:
            return "json"
