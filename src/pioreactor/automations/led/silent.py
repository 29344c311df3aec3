"""Does nothing."""

from __future__ import annotations

from pioreactor.automations.events import AutomationEvent, NoEvent
from pioreactor.automations.led.base import LEDAutomationJob


class Silent(LEDAutomationJob):
    """No light, until somebody chooses an automation."""

    automation_name = "silent"

    def execute(self) -> AutomationEvent:
        return NoEvent()
