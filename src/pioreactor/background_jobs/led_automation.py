"""Starts LED automations by name."""

from __future__ import annotations

from typing import Any

from pioreactor.automations import registry
from pioreactor.automations.base import AutomationJob
from pioreactor.automations.led.base import LEDAutomationJob as LEDAutomationJob
from pioreactor.automations.led.base import LEDAutomationJobContrib as LEDAutomationJobContrib


def start_led_automation(
    automation_name: str, unit: str | None = None, experiment: str | None = None, **kwargs: Any
) -> AutomationJob:
    """Start one on this unit; `kwargs` are its settings. Raise `NotFoundError` for a name that is not known."""
    return registry.find("led", automation_name)(unit=unit, experiment=experiment, **kwargs)
