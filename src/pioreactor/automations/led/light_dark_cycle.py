"""Automation that alternates light and dark, as day and night for phototrophs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Unpack

from pioreactor.automations.base import AutomationOptions
from pioreactor.automations.events import AutomationEvent, ChangedLedIntensity
from pioreactor.automations.led.base import LEDAutomationJob
from pioreactor.jobs.settings import Setting
from pioreactor.runtime.lane import LaneTimer
from pioreactor.types import LedChannel

CHANNELS: Final[tuple[LedChannel, ...]] = ("D", "C")
MIN_DELAY_S: Final = 0.05
RETRY_S: Final = 5.0
"""Delay before an LED that could not be set is retried [s]."""


@dataclass(frozen=True)
class Cycle:
    """Repeating phases of light and dark [s]. Without light it is always dark; without dark always light."""

    light_s: float
    dark_s: float

    def at(self, elapsed_s: float) -> tuple[bool, float | None]:
        """Return whether there is light, and in how many seconds that changes (None: never)."""
        if self.light_s <= 0:
            return False, None
        if self.dark_s <= 0:
            return True, None
        phase_s = elapsed_s % (self.light_s + self.dark_s)
        if phase_s < self.light_s:
            return True, self.light_s - phase_s
        return False, self.light_s + self.dark_s - phase_s


class LightDarkCycle(LEDAutomationJob):
    """Alternate light and dark on LEDs C and D, beginning with light when the automation starts."""

    automation_name = "light_dark_cycle"

    light_intensity = Setting(
        50.0, unit="%", label="Light intensity", ge=0, le=100, help="intensity during the light phase", suggestion=5.0
    )
    light_duration_minutes = Setting(960.0, unit="min", label="Light duration", ge=0, le=1e6, help="0: always dark")
    dark_duration_minutes = Setting(480.0, unit="min", label="Dark duration", ge=0, le=1e6, help="0: always light")

    def __init__(
        self,
        light_intensity: float | str = 50.0,
        light_duration_minutes: float | str = 960.0,
        dark_duration_minutes: float | str = 480.0,
        **options: Unpack[AutomationOptions],
    ) -> None:
        super().__init__(**options)
        self._has_trigger = True
        self.light_intensity = type(self).light_intensity.parse(light_intensity)
        self.light_duration_minutes = type(self).light_duration_minutes.parse(light_duration_minutes)
        self.dark_duration_minutes = type(self).dark_duration_minutes.parse(dark_duration_minutes)
        self._began_s = self.runtime.clock.monotonic()
        self._edge: LaneTimer | None = None
        self._shown: dict[LedChannel, float] = {}

    # ---- changes -----------------------------------------------------------------------------------------

    def on_init_to_ready(self) -> None:
        self._began_s = self.runtime.clock.monotonic()

    def on_ready(self) -> None:
        self.later(0.0, self._run_if_ready)

    def on_sleeping(self) -> None:
        self._cancel_edge()

    def set_light_intensity(self, light_intensity: float) -> None:
        self.light_intensity = float(light_intensity)
        self._run_if_ready()

    def set_light_duration_minutes(self, light_duration_minutes: float) -> None:
        self.light_duration_minutes = float(light_duration_minutes)
        self._run_if_ready()

    def set_dark_duration_minutes(self, dark_duration_minutes: float) -> None:
        self.dark_duration_minutes = float(dark_duration_minutes)
        self._run_if_ready()

    # ---- light -------------------------------------------------------------------------------------------

    def execute(self) -> AutomationEvent | None:
        cycle = Cycle(60.0 * self.light_duration_minutes, 60.0 * self.dark_duration_minutes)
        is_light, change_in_s = cycle.at(self.runtime.clock.monotonic() - self._began_s)
        self._cancel_edge()
        if change_in_s is not None:
            # The timer is set first, since setting a locked LED may take seconds.
            self._edge = self.later(max(MIN_DELAY_S, change_in_s), self._run_if_ready)
        return self._show(is_light, self.light_intensity if is_light else 0.0)

    def _show(self, is_light: bool, intensity: float) -> AutomationEvent | None:
        changed = [channel for channel in CHANNELS if self._shown.get(channel) != intensity]
        for channel in changed:
            if self.set_led_intensity(channel, intensity):
                self._shown[channel] = intensity
            else:
                self._shown.pop(channel, None)
                self.later(RETRY_S, self._run_if_ready)
        if not changed:
            return None
        return ChangedLedIntensity(
            f"{'light' if is_light else 'dark'}: {intensity:g} % on channels {' and '.join(CHANNELS)}",
            {"is_light": is_light, "intensity": intensity, "channels": list(CHANNELS)},
        )

    def _cancel_edge(self) -> None:
        if self._edge is not None:
            self._edge.cancel()
            self._edge = None
