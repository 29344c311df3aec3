"""Start of temperature automations from scripts."""

from pioreactor.automations.registry import Starter
from pioreactor.automations.temperature.base import TemperatureAutomationJob as TemperatureAutomationJob
from pioreactor.automations.temperature.base import TemperatureAutomationJobContrib as TemperatureAutomationJobContrib

start_temperature_automation = Starter(TemperatureAutomationJob)
