"""Health checks of the reactor: power supply, HAT, and temperature of the heater board."""

import logging
from typing import Final

from pioreactor import error_codes
from pioreactor.background_jobs.monitor.health_checks import Fault, HealthCheck
from pioreactor.devices.guard import HeatingLimits, HeatingStage
from pioreactor.devices.ports import Rig
from pioreactor.exc import PioreactorError
from pioreactor.runtime.context import Runtime

LOW_RAIL_VOLTS: Final = 4.80
HIGH_RAIL_VOLTS: Final = 18.0
"""Highest voltage that the HAT's drivers tolerate."""
HOT_BOARD_CELSIUS: Final = 65.0
"""Above this without heating, something heats unintentionally."""
HOT_UNHEATED_FOR_S: Final = 180.0
"""Time in which a heated board cools below."""
TEMPERATURE_JOB: Final = "temperature_automation"


class ReactorChecks:
    """Checks of the HAT and what is connected to it."""

    def __init__(self, runtime: Runtime, rig: Rig) -> None:
        self._runtime = runtime
        self._rig = rig
        self._hot_since_s: float | None = None
        self.rail_volts: float | None = None
        """Result of the last check of the supply; published by the monitor."""

    def quick(self) -> list[HealthCheck]:
        return [HealthCheck("power supply", self.supply, patience=2)]

    def slow(self) -> list[HealthCheck]:
        return [HealthCheck("HAT", self.hat)]

    def fast(self) -> list[HealthCheck]:
        """Return the checks that run every few seconds."""
        return [HealthCheck("heating board", self.heating_board, patience=2)]

    def supply(self) -> Fault | None:
        try:
            self.rail_volts = self._rig.aux_volts()
        except (PioreactorError, OSError):
            self.rail_volts = None
        volts = self.rail_volts
        if volts is not None and volts > HIGH_RAIL_VOLTS:
            return Fault(
                f"The PWM rail is at {volts:.1f} V, above its limit of {HIGH_RAIL_VOLTS:g} V. Unplug its supply.",
                error_codes.VOLTAGE_PROBLEM,
                logging.ERROR,
            )
        low = volts is not None and volts <= LOW_RAIL_VOLTS
        if not low or not self._runtime.computer.is_undervolted():
            return None
        return Fault(
            f"The supply is too weak: {volts:.2f} V. Use the supply that came with the unit, or a shorter cable.",
            error_codes.VOLTAGE_PROBLEM,
        )

    def hat(self) -> Fault | None:
        if not self._rig.is_hat_present():
            return Fault("The HAT does not respond. Switch the unit off and press the HAT onto its pins.")
        return None

    def heating_board(self) -> Fault | None:
        """Check for unintended heat. The output guard and the automation switch the heater off; the monitor powers the
        unit off if that does not help."""
        celsius = self._rig.thermometer().read_celsius()
        limits = HeatingLimits.of(self._runtime.model())
        if limits.stage(celsius) is HeatingStage.SHUTDOWN:
            return self._too_hot(f"The heating board is at {celsius:.1f} °C")
        if celsius < HOT_BOARD_CELSIUS or self._runtime.stores.jobs().running(job_name=TEMPERATURE_JOB):
            self._hot_since_s = None
            return None
        now_s = self._runtime.clock.monotonic()
        self._hot_since_s = now_s if self._hot_since_s is None else self._hot_since_s
        if now_s - self._hot_since_s < HOT_UNHEATED_FOR_S:
            return None
        return self._too_hot(f"The heating board stays at {celsius:.1f} °C while nothing heats it")

    def _too_hot(self, what: str) -> Fault:
        return Fault(
            f"{what}. Unplug the unit, and check the heater before using it again.",
            error_codes.PCB_TEMPERATURE_TOO_HIGH,
            logging.CRITICAL,
        )
