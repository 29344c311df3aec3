"""The port of the catalog: which jobs and automations a unit can run, with what they publish."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from pioreactor.alarms.rules import AlarmRule
from pioreactor.jobs.published_attribute import AnyAttribute
from pioreactor.jobs.settings import AnySetting

Kind = Literal["dosing", "led", "temperature"]


class DeclaredJob(Protocol):
    """Interface of a job in the catalog."""

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
    def published(self) -> Mapping[str, AnyAttribute]:
        """Settings, measurements and states."""
        ...

    @property
    def settings(self) -> Mapping[str, AnySetting]: ...

    @property
    def alarm_rules(self) -> tuple[AlarmRule, ...]: ...


class DeclaredAutomation(Protocol):
    """Interface of an automation in the catalog."""

    @property
    def automation_name(self) -> str: ...

    @property
    def display_name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def published(self) -> Mapping[str, AnyAttribute]: ...

    @property
    def settings(self) -> Mapping[str, AnySetting]: ...

    @property
    def form(self) -> Mapping[str, AnySetting] | None:
        """Fields to start it with; None: its settings."""
        ...


class Catalog(Protocol):
    """Interface of the catalog of a unit."""

    def jobs(self) -> Sequence[DeclaredJob]: ...

    def automations(self, kind: Kind) -> Sequence[DeclaredAutomation]: ...
