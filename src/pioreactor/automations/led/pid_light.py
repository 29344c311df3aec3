"""Automation that holds any recorded quantity at a set point by the intensity of an LED."""

from __future__ import annotations

from typing import ClassVar, Unpack, cast

from pioreactor.actions.led_intensity import led_state
from pioreactor.automations.base import AutomationOptions
from pioreactor.automations.events import AutomationEvent, ChangedLedIntensity, NoEvent
from pioreactor.automations.led.base import LEDAutomationJob
from pioreactor.automations.sensor_loop import SensorLoop
from pioreactor.exc import InvalidRequestError, SettingError
from pioreactor.jobs.settings import Setting
from pioreactor.types import LED_CHANNELS, LedChannel

MIN_CHANGE = 0.1
"""Smaller changes [%] are not worth an entry in the record of LEDs."""


class PIDLight(SensorLoop, LEDAutomationJob):
    """Hold a measurement at a set point: a PID controller sets the intensity of one LED."""

    automation_name = "pid_light"
    output_unit: ClassVar[str] = "%"

    channel = Setting("D", label="LED channel", choices=LED_CHANNELS, help="LED whose intensity is the output")
    min_intensity = Setting(0.0, unit="%", label="Lowest intensity", ge=0, le=100, help="least output")
    max_intensity = Setting(100.0, unit="%", label="Highest intensity", ge=0, le=100, help="largest output")
    safe_intensity = Setting(
        0.0, unit="%", label="Safe intensity", ge=0, le=100, help="intensity while there is no measurement, or paused"
    )
    duration = Setting(
        1.0, unit="min", label="Time between decisions", ge=0.05, le=100_000, help="time from one decision to the next"
    )

    def __init__(self, **options: Unpack[AutomationOptions]) -> None:
        super().__init__(**options)
        if self.runtime.settings.led_channel_of.get("IR") == self.channel:
            raise InvalidRequestError(
                f"LED {self.channel} lights the photodiodes of OD readings", remedy="Choose another --channel."
            )
        self._led = cast(LedChannel, self.channel)
        self._begin_loop()

    def set_channel(self, channel: str) -> None:
        """Refuse: an LED has one owner."""
        raise SettingError(f"the LED stays {self.channel} while it runs, and cannot become {channel}")

    def actuator(self) -> str:
        return f"led_{self.channel}"

    def output_limits(self) -> tuple[float, float]:
        return self.min_intensity, max(self.min_intensity, self.max_intensity)

    def present_output(self) -> float:
        return led_state(self.runtime)[self._led]

    def make_safe(self) -> None:
        self.set_led_intensity(self._led, self.safe_intensity)

    def actuate(self, output: float, elapsed_min: float) -> AutomationEvent:  # noqa: ARG002  the same at any pace
        intensity = round(output, 1)
        if abs(intensity - self.present_output()) < MIN_CHANGE / 2:
            return NoEvent(f"{intensity:g} % on channel {self.channel}")
        self.set_led_intensity(self._led, intensity)
        return ChangedLedIntensity(f"{intensity:g} % on channel {self.channel}", {"intensity": intensity})
