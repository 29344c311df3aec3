"""Automation that holds the culture at a temperature."""

from __future__ import annotations

from typing import ClassVar, Final, Unpack

from pioreactor.automations.base import AutomationOptions
from pioreactor.automations.events import AutomationEvent, UpdatedHeaterDC
from pioreactor.automations.temperature.base import TemperatureAutomationJob
from pioreactor.automations.temperature.heater_monitor import READ_EVERY_S
from pioreactor.exc import InvalidRequestError, SettingError
from pioreactor.jobs.settings import Setting
from pioreactor.science.temperature.control import HeatBalance, Probe

BELOW_LIMIT_K: Final = 4.0
"""Margin of the heater board below the temperature at which the heating limits act [K]."""

WORTH_AN_EVENT: Final = 1.0
"""Smallest change of the duty that is published as an event [%]."""


class Thermostat(TemperatureAutomationJob):
    """Hold the culture at a target temperature.

    The duty covers the heat lost to the room, plus what brings the culture to its target within a minute (decision
    0006).
    """

    automation_name = "thermostat"
    MAX_TARGET_TEMP: ClassVar[float] = 78.0

    target_temperature = Setting[float](
        unit="℃", label="Target temperature", ge=0, le=MAX_TARGET_TEMP,
        help="temperature of the culture to hold", le_by_model="max_temp_to_reduce_heating", suggestion=30.0,
    )  # fmt: skip

    def __init__(self, target_temperature: float | str | None = None, **options: Unpack[AutomationOptions]) -> None:
        if target_temperature is None:
            raise InvalidRequestError("a thermostat needs a target", remedy="Give --target-temperature.")
        super().__init__(**options)
        self._rule = HeatBalance.with_gain(
            self.runtime.settings.thermostat.Kp, board_limit_celsius=self.MAX_TEMP_TO_REDUCE_HEATING - BELOW_LIMIT_K
        )
        self._probe = Probe()
        self._duty_then = 0.0
        self._inferred_offset_k = 0.0
        self.set_target_temperature(target_temperature)

    def set_target_temperature(self, target_temperature: float | str) -> None:
        """Set the target [°C]; raise `SettingError` for one that the heater board does not allow."""
        requested = type(self).target_temperature.parse(target_temperature)
        highest = min(self.MAX_TEMP_TO_REDUCE_HEATING, self.MAX_TARGET_TEMP)
        if requested > highest:
            raise SettingError(f"target_temperature must be between 0 and {highest:g} ℃, not {requested:g}")
        self.target_temperature = requested

    def on_board_reading(self) -> None:
        state = self.observer
        target = self.target_temperature - self._inferred_offset_k
        duty = self._rule.duty_for(target, state, self.current_volume_ml)
        self.heater.heat(self._probe.apply(duty, state, READ_EVERY_S))

    def execute(self) -> AutomationEvent | None:
        assert self.latest_temperature is not None
        # Zero, unless a plugin overrides infer_temperature.
        self._inferred_offset_k = self.latest_temperature - round(self.observer.liquid_celsius, 2)
        duty, before = self.heater.duty_percent, self._duty_then
        if abs(duty - before) < WORTH_AN_EVENT:
            return None
        self._duty_then = duty
        return UpdatedHeaterDC(
            f"heating with {duty:.1f} %",
            {
                "current_dc": round(duty, 2),
                "delta_dc": round(duty - before, 2),
                "target_temperature": self.target_temperature,
                "latest_temperature": self.latest_temperature,
            },
        )
