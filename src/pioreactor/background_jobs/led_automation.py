"""Start of LED automations from scripts."""

from pioreactor.automations.led.base import LEDAutomationJob as LEDAutomationJob
from pioreactor.automations.led.base import LEDAutomationJobContrib as LEDAutomationJobContrib
from pioreactor.automations.registry import Starter

start_led_automation = Starter(LEDAutomationJob)
