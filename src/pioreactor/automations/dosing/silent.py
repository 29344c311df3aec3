"""Silent: a dosing automation without doses."""

from typing import ClassVar

from pioreactor.actions.dosing import PumpDevice
from pioreactor.automations.dosing.base import DosingAutomationJob
from pioreactor.automations.events import AutomationEvent, NoEvent


class Silent(DosingAutomationJob):
    """No dosing; the automation can be changed at any time."""

    automation_name = "silent"
    pumps: ClassVar[tuple[PumpDevice, ...]] = ()

    def execute(self) -> AutomationEvent:
        return NoEvent()
