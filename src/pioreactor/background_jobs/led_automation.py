"""Starting LED automations from scripts."""

from __future__ import annotations

from pioreactor.automations import registry
from pioreactor.automations.led.base import LEDAutomationJob as LEDAutomationJob
from pioreactor.automations.led.base import LEDAutomationJobContrib as LEDAutomationJobContrib


def start_led_automation(
    automation_name: str, unit: str | None = None, experiment: str | None = None, **options: object
) -> LEDAutomationJob:
    """Start an automation by its name on this unit; options are those of the automation."""
    return registry.start(LEDAutomationJob, automation_name, unit, experiment, options)
