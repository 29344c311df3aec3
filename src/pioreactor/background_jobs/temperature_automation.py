"""Starts temperature automations by name."""

from __future__ import annotations

from typing import Any

from pioreactor.automations import registry
from pioreactor.automations.base import AutomationJob
from pioreactor.automations.temperature.base import TemperatureAutomationJob as TemperatureAutomationJob
from pioreactor.automations.temperature.base import TemperatureAutomationJobContrib as TemperatureAutomationJobContrib


def start_temperature_automation(
    automation_name: str, unit: str | None = None, experiment: str | None = None, **kwargs: Any
) -> AutomationJob:
    """Start one on this unit; `kwargs` are its settings. Raise `NotFoundError` for a name that is not known."""
    return registry.find("temperature", automation_name)(unit=unit, experiment=experiment, **kwargs)
