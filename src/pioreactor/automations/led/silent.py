"""Automation that does nothing."""

from __future__ import annotations

from pioreactor.automations.events import AutomationEvent, NoEvent
from pioreactor.automations.led.base import LEDAutomationJob


class Silent(LEDAutomationJob):
    """Do nothing: no LED is set."""

    automation_name = "silent"

    def execute(self) -> AutomationEvent:
        return NoEvent()
