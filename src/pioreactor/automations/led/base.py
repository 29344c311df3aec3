"""What LED automations share: setting LEDs though others lock them at times, and leaving them dark."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from pioreactor.actions.led_intensity import led_intensity
from pioreactor.automations import registry
from pioreactor.automations.base import AutomationJob
from pioreactor.devices.ports import Lease
from pioreactor.exc import ActuatorInUseError
from pioreactor.types import LedChannel

ATTEMPTS: Final = 6
BETWEEN_ATTEMPTS_S: Final = 0.5
"""An OD reading locks the LEDs for a second or two."""


class LEDAutomationJob(AutomationJob):
    """Base of LED automations. LEDs that it has set are off once it ends."""

    job_name = "led_automation"
    kind = "led"

    edited_channels: set[LedChannel]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.automation_name:
            registry.register("led", cls.automation_name, cls)

    def __init__(self, unit: str | None = None, experiment: str | None = None, **kwargs: Any) -> None:
        super().__init__(unit, experiment, **kwargs)
        self.edited_channels = set()
        self._answered_for: dict[LedChannel, Lease] = {}

    def set_led_intensity(self, channel: LedChannel, intensity: float) -> bool:
        """Set one LED [%], trying again for a few seconds while it is locked; return whether it was set."""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.sleep(BETWEEN_ATTEMPTS_S)
            if self._write(channel, float(intensity)):
                return True
        self.logger.warning("LED %s could not be set to %g %%.", channel, intensity)
        return False

    def _write(self, channel: LedChannel, intensity: float) -> bool:
        self.edited_channels.add(channel)
        self._answer_for(channel)
        return led_intensity(
            {channel: intensity},
            unit=self.unit,
            experiment=self.experiment,
            verbose=True,
            source_of_event=f"{self.job_name}:{self.automation_name}",
            pubsub_client=self.pub_client,
        )

    def _answer_for(self, channel: LedChannel) -> None:
        """Say that this light is ours, for the supervisor: should this process die, the light goes off with it."""
        if channel not in self._answered_for:
            with suppress(ActuatorInUseError):
                self._answered_for[channel] = self.runtime.ownership.acquire(f"light-{channel}", self.owner)

    def _end(self) -> None:
        if not self._ending:
            self._darken()
        super()._end()

    def _darken(self) -> None:
        """Switch off every LED that was set here; wait a little for those that an OD reading holds."""
        lit = sorted(self.__dict__.get("edited_channels", ()))
        answered_for: dict[LedChannel, Lease] = self.__dict__.get("_answered_for", {})
        for attempt in range(ATTEMPTS):
            if attempt:
                self.runtime.clock.sleep(BETWEEN_ATTEMPTS_S)
            lit = [channel for channel in lit if not self._is_darkened(channel)]
            for channel in set(answered_for) - set(lit):
                answered_for.pop(channel).release()
            if not lit:
                return
        self.logger.error("LED %s is still on: it could not be switched off.", " and ".join(lit))

    def _is_darkened(self, channel: LedChannel) -> bool:
        try:
            return self._write(channel, 0.0)
        except Exception:  # the other LEDs, and the rest of the shutdown, must not depend on this one
            self.logger.exception("LED %s could not be switched off.", channel)
            return False


class LEDAutomationJobContrib(LEDAutomationJob):
    """Base of LED automations of plugins."""
