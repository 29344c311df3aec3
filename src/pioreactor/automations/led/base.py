"""Base of LED automations: setting LEDs that may be locked for a moment, and switching them off at the end."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from pioreactor.actions.led_intensity import led_intensity
from pioreactor.automations import registry
from pioreactor.automations.base import AutomationJob
from pioreactor.devices.ports import Lease
from pioreactor.exc import ActuatorInUseError
from pioreactor.types import LedChannel

MAX_ATTEMPTS: Final = 6
RETRY_DELAY_S: Final = 0.5
"""An OD reading locks the LEDs for one or two seconds."""


class LEDAutomationJob(AutomationJob):
    """Base of LED automations. LEDs that it has set are switched off when it ends."""

    job_name = "led_automation"
    kind = "led"

    edited_channels: set[LedChannel]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.automation_name:
            registry.register("led", cls.automation_name, cls)

    def __init__(
        self,
        unit: str | None = None,
        experiment: str | None = None,
        *,
        duration: float | str | None = None,
        skip_first_run: bool | str = False,
        **settings: object,
    ) -> None:
        super().__init__(unit, experiment, duration=duration, skip_first_run=skip_first_run, **settings)
        self.edited_channels = set()
        self._owned_lights: dict[LedChannel, Lease] = {}

    def set_led_intensity(self, channel: LedChannel, intensity: float) -> bool:
        """Set one LED [%], retrying for a few seconds while it is locked; return whether it was set."""
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                self.sleep(RETRY_DELAY_S)
            if self._write(channel, float(intensity)):
                return True
        self.logger.warning("LED %s could not be set to %g %%.", channel, intensity)
        return False

    def _write(self, channel: LedChannel, intensity: float) -> bool:
        self.edited_channels.add(channel)
        self._own_light(channel)
        return led_intensity(
            {channel: intensity},
            unit=self.unit,
            experiment=self.experiment,
            verbose=True,
            source_of_event=f"{self.job_name}:{self.automation_name}",
            pubsub_client=self.pub_client,
        )

    def _own_light(self, channel: LedChannel) -> None:
        """Register as owner of the light, so that the output guard switches it off if this process is killed."""
        if channel not in self._owned_lights:
            with suppress(ActuatorInUseError):
                self._owned_lights[channel] = self.runtime.ownership.acquire(f"light-{channel}", self.owner)

    def _end(self) -> None:
        if not self._ending:
            self._switch_off_leds()
        super()._end()

    def _switch_off_leds(self) -> None:
        """Switch off every LED that this automation set; retry those that an OD reading has locked."""
        lit = sorted(self.__dict__.get("edited_channels", ()))
        owned: dict[LedChannel, Lease] = self.__dict__.get("_owned_lights", {})
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                self.runtime.clock.sleep(RETRY_DELAY_S)
            lit = [channel for channel in lit if not self._is_switched_off(channel)]
            for channel in set(owned) - set(lit):
                owned.pop(channel).release()
            if not lit:
                return
        self.logger.error("LED %s is still on: it could not be switched off.", " and ".join(lit))

    def _is_switched_off(self, channel: LedChannel) -> bool:
        try:
            return self._write(channel, 0.0)
        except Exception:  # the other LEDs, and the rest of the shutdown, must not depend on this one
            self.logger.exception("LED %s could not be switched off.", channel)
            return False


class LEDAutomationJobContrib(LEDAutomationJob):
    """Base of LED automations of plugins."""
