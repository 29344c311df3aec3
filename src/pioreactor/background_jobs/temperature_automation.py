"""Starting temperature automations from scripts."""

from __future__ import annotations

from pioreactor.automations import registry
from pioreactor.automations.temperature.base import TemperatureAutomationJob as TemperatureAutomationJob
from pioreactor.automations.temperature.base import TemperatureAutomationJobContrib as TemperatureAutomationJobContrib


def start_temperature_automation(
    automation_name: str, unit: str | None = None, experiment: str | None = None, **options: object
) -> TemperatureAutomationJob:
    """Start an automation by its name on this unit; options are those of the automation."""
    return registry.start(TemperatureAutomationJob, automation_name, unit, experiment, options)
