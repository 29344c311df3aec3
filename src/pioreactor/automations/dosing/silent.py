"""Does nothing."""

from typing import ClassVar

from pioreactor.actions.dosing import PumpDevice
from pioreactor.automations.dosing.base import DosingAutomationJob
from pioreactor.automations.events import AutomationEvent, NoEvent


class Silent(DosingAutomationJob):
    """No dosing, until somebody chooses an automation."""

    automation_name = "silent"
    pumps: ClassVar[tuple[PumpDevice, ...]] = ()

    def execute(self) -> AutomationEvent:
        return NoEvent()
