"""Starting temperature automations from scripts."""

from __future__ import annotations

from typing import Any, cast

from pioreactor.automations import registry
from pioreactor.automations.temperature.base import TemperatureAutomationJob as TemperatureAutomationJob
from pioreactor.automations.temperature.base import TemperatureAutomationJobContrib as TemperatureAutomationJobContrib


def start_temperature_automation(
    automation_name: str, unit: str | None = None, experiment: str | None = None, **options: Any
) -> TemperatureAutomationJob:
    """Start an automation by its name on this unit; options are those of the automation."""
    where = {name: value for name, value in (("unit", unit), ("experiment", experiment)) if value is not None}
    automation = registry.find("temperature", automation_name)
    return cast(TemperatureAutomationJob, automation(**where, **options))
