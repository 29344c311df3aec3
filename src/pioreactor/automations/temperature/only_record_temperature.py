"""Automation that records the temperature without heating."""

from __future__ import annotations

from pioreactor.automations.events import AutomationEvent, NoEvent
from pioreactor.automations.temperature.base import TemperatureAutomationJob


class OnlyRecordTemperature(TemperatureAutomationJob):
    """Record the temperature; the heater stays off."""

    automation_name = "only_record_temperature"

    def execute(self) -> AutomationEvent:
        return NoEvent()
