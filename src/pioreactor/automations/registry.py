"""Registry of automations by kind and name: built-in ones by import path, those of plugins once they are defined."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar

from pioreactor.did_you_mean import nearest
from pioreactor.exc import NotFoundError

if TYPE_CHECKING:
    from pioreactor.automations.base import AutomationJob

A = TypeVar("A", bound="AutomationJob")

BUILT_IN: dict[str, dict[str, str]] = {
    "dosing": {
        "silent": "pioreactor.automations.dosing.silent:Silent",
        "chemostat": "pioreactor.automations.dosing.chemostat:Chemostat",
        "turbidostat": "pioreactor.automations.dosing.turbidostat:Turbidostat",
        "fed_batch": "pioreactor.automations.dosing.fed_batch:FedBatch",
        "pid_morbidostat": "pioreactor.automations.dosing.pid_morbidostat:PIDMorbidostat",
        "pid_dosing": "pioreactor.automations.dosing.pid_dosing:PIDDosing",
    },
    "temperature": {
        "thermostat": "pioreactor.automations.temperature.thermostat:Thermostat",
        "only_record_temperature": "pioreactor.automations.temperature.only_record_temperature:OnlyRecordTemperature",
    },
    "led": {
        "silent": "pioreactor.automations.led.silent:Silent",
        "light_dark_cycle": "pioreactor.automations.led.light_dark_cycle:LightDarkCycle",
        "pid_light": "pioreactor.automations.led.pid_light:PIDLight",
    },
}
_registered: dict[str, dict[str, type[AutomationJob]]] = {"dosing": {}, "temperature": {}, "led": {}}


def register(kind: str, name: str, automation: type[AutomationJob]) -> None:
    """Register an automation; one of a plugin replaces the built-in one of the same name."""
    if name == "config":
        raise ValueError("an automation cannot be named config: its section would clash with that of its kind")
    if not automation.__module__.startswith("pioreactor.automations."):
        _registered.setdefault(kind, {})[name] = automation


def registered(kind: str) -> list[str]:
    """Return the names of the automations of a kind that plugins have defined."""
    return sorted(_registered[kind])


def names(kind: str) -> list[str]:
    """Return the names of all known automations of a kind."""
    return sorted({*BUILT_IN[kind], *_registered[kind]})


def find(kind: str, name: str) -> type[AutomationJob]:
    """Return an automation class; raise `NotFoundError` with the closest known name if there is none."""
    if name in _registered[kind]:
        return _registered[kind][name]
    address = BUILT_IN[kind].get(name)
    if address is None:
        raise NotFoundError(f"there is no {kind} automation {name!r}{_suggestion(name, names(kind))}")
    module, _, attribute = address.partition(":")
    found: type[AutomationJob] = getattr(import_module(module), attribute)
    return found


class Starter(Generic[A]):
    """Starts automations of one kind from scripts, by their names."""

    def __init__(self, base: type[A]) -> None:
        self._base = base

    def __call__(
        self, automation_name: str, unit: str | None = None, experiment: str | None = None, **options: object
    ) -> A:
        """Start an automation by its name on this unit; options are those of the automation."""
        where = {key: value for key, value in (("unit", unit), ("experiment", experiment)) if value is not None}
        construct: Callable[..., AutomationJob] = find(self._base.kind, automation_name)
        job = construct(**where, **options)
        assert isinstance(job, self._base), "automations are registered by the base class of their kind"
        return job


def _suggestion(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    return f"; did you mean {near}?" if near is not None else f"; known are {', '.join(known)}"
