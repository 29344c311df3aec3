"""Starting LED automations from scripts."""

from __future__ import annotations

from typing import Any, cast

from pioreactor.automations import registry
from pioreactor.automations.led.base import LEDAutomationJob as LEDAutomationJob
from pioreactor.automations.led.base import LEDAutomationJobContrib as LEDAutomationJobContrib


def start_led_automation(
    automation_name: str, unit: str | None = None, experiment: str | None = None, **options: Any
) -> LEDAutomationJob:
    """Start an automation by its name on this unit; options are those of the automation."""
    where = {name: value for name, value in (("unit", unit), ("experiment", experiment)) if value is not None}
    automation = registry.find("led", automation_name)
    return cast(LEDAutomationJob, automation(**where, **options))
