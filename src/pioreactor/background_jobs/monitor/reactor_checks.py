"""The monitor's looks at the reactor: its supply, the HAT, and the heat of the board."""

from __future__ import annotations

import logging
from typing import Final

from pioreactor import error_codes
from pioreactor.background_jobs.monitor.health_checks import Trouble, Watch
from pioreactor.devices.guard import HeatingLimits, HeatingStage
from pioreactor.devices.ports import Rig
from pioreactor.exc import PioreactorError
from pioreactor.runtime.context import Runtime

LOW_RAIL_VOLTS: Final = 4.80
HIGH_RAIL_VOLTS: Final = 18.0
"""More than this breaks the HAT's drivers."""
HOT_BOARD_CELSIUS: Final = 65.0
"""Warmer than this, with nobody heating, something heats that should not."""
HOT_UNHEATED_FOR_S: Final = 180.0
"""A board that was just being heated has cooled below by then."""
TEMPERATURE_JOB: Final = "temperature_automation"


class ReactorChecks:
    """Looks at the HAT and what hangs on it."""

    def __init__(self, runtime: Runtime, rig: Rig) -> None:
        self._runtime = runtime
        self._rig = rig
        self._hot_since_s: float | None = None
        self.rail_volts: float | None = None
        """What the last look at the supply measured; published by the monitor."""

    def quick(self) -> list[Watch]:
        return [Watch("power supply", self.supply, patience=2)]

    def slow(self) -> list[Watch]:
        return [Watch("HAT", self.hat)]

    def fast(self) -> list[Watch]:
        """Return what is looked at every few seconds."""
        return [Watch("heating board", self.heating_board, patience=2)]

    def supply(self) -> Trouble | None:
        try:
            self.rail_volts = self._rig.aux_volts()
        except (PioreactorError, OSError):
            self.rail_volts = None
        volts = self.rail_volts
        if volts is not None and volts > HIGH_RAIL_VOLTS:
            return Trouble(
                f"The PWM rail has {volts:.1f} V, more than the {HIGH_RAIL_VOLTS:g} V it may have. Unplug its supply.",
                error_codes.VOLTAGE_PROBLEM,
                logging.ERROR,
            )
        low = volts is not None and volts <= LOW_RAIL_VOLTS
        if not low or not self._runtime.computer.is_undervolted():
            return None
        return Trouble(
            f"The supply is too weak: {volts:.2f} V. Use the supply that came with the unit, or a shorter cable.",
            error_codes.VOLTAGE_PROBLEM,
        )

    def hat(self) -> Trouble | None:
        if not self._rig.is_hat_present():
            return Trouble("The HAT does not answer. Switch the unit off and press the HAT onto its pins.")
        return None

    def heating_board(self) -> Trouble | None:
        """Look for heat that nobody asked for. The supervisor and the automation switch off; this says so, and where
        even that does not help, powers the unit off."""
        celsius = self._rig.thermometer().read_celsius()
        limits = HeatingLimits.of(self._runtime.model())
        if limits.stage(celsius) is HeatingStage.SHUTDOWN:
            return self._too_hot(f"The heating board is {celsius:.1f} °C warm")
        if celsius < HOT_BOARD_CELSIUS or self._runtime.stores.jobs().running(job_name=TEMPERATURE_JOB):
            self._hot_since_s = None
            return None
        now_s = self._runtime.clock.monotonic()
        self._hot_since_s = now_s if self._hot_since_s is None else self._hot_since_s
        if now_s - self._hot_since_s < HOT_UNHEATED_FOR_S:
            return None
        return self._too_hot(f"The heating board stays {celsius:.1f} °C warm while nothing heats it")

    def _too_hot(self, what: str) -> Trouble:
        return Trouble(
            f"{what}. Unplug the unit, and look at the heater before it is used again.",
            error_codes.PCB_TEMPERATURE_TOO_HIGH,
            logging.CRITICAL,
        )
