"""Automations: jobs that control dosing, temperature and LEDs from readings and time."""

from typing import TYPE_CHECKING

from pioreactor.public_names import load_on_access

if TYPE_CHECKING:
    from pioreactor.automations.dosing.base import DosingAutomationJob as DosingAutomationJob
    from pioreactor.automations.dosing.base import DosingAutomationJobContrib as DosingAutomationJobContrib
    from pioreactor.automations.led.base import LEDAutomationJob as LEDAutomationJob
    from pioreactor.automations.led.base import LEDAutomationJobContrib as LEDAutomationJobContrib
    from pioreactor.automations.temperature.base import TemperatureAutomationJob as TemperatureAutomationJob
    from pioreactor.automations.temperature.base import (
        TemperatureAutomationJobContrib as TemperatureAutomationJobContrib,
    )

_BASES = {"Dosing": "dosing", "LED": "led", "Temperature": "temperature"}

__getattr__ = load_on_access(
    __name__,
    {
        f"{prefix}{name}": f"{__name__}.{kind}.base"
        for prefix, kind in _BASES.items()
        for name in ("AutomationJob", "AutomationJobContrib")
    },
)
