"""Runs the output guard of a unit, built from its runtime."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

from pioreactor.actions import pump_run_log
from pioreactor.actions.led_intensity import LEDS, led_state
from pioreactor.clock.ports import Signal
from pioreactor.devices.guard import HeatingLimits
from pioreactor.exc import PioreactorError, StorageError, UnitUnreachableError
from pioreactor.models import load_models
from pioreactor.observability.log import CustomLogger, create_logger
from pioreactor.output_guard.output_guard import (
    CHECK_INTERVAL_S,
    NAME,
    OUTPUT_GUARD_EVENTS,
    OVERDUE_AFTER_S,
    OutputGuard,
)
from pioreactor.runtime.context import Runtime
from pioreactor.types import LedChannel

PUMPS = ("media", "alt_media", "waste")
_CHECKS_PER_MODEL = 40
"""Checks between two looks at which model the unit is of, ten seconds."""
_log = logging.getLogger(__name__)


def run_output_guard(runtime: Runtime, stop: Signal, *, report_alive: Callable[[], None] = lambda: None) -> None:
    """Check outputs until `stop` is set. Raise `ActuatorInUseError` when the unit has an output guard already."""
    lease = runtime.ownership.acquire(NAME, NAME)
    try:
        guard = build_output_guard(runtime)
        interval_s = CHECK_INTERVAL_S * _clock_speed(runtime)
        report_alive()
        for count in itertools.count(1):
            if stop.wait(interval_s):
                break
            if count % _CHECKS_PER_MODEL == 0:
                refresh_limits(guard, runtime)
            guard.check()
            report_alive()
    finally:
        lease.release()


def refresh_limits(guard: OutputGuard, runtime: Runtime) -> None:
    """Apply the limits of the unit's model, which may have changed; those in force stay if it cannot be read."""
    try:
        guard.limits = _limits(runtime)
    except PioreactorError as error:
        _log.debug("The model of this unit cannot be read: %s", error)


def build_output_guard(runtime: Runtime) -> OutputGuard:
    """Return the output guard of a unit."""
    rig = runtime.open_rig()
    channels = runtime.settings.pwm_channel_of
    logger = create_logger(
        NAME, unit=runtime.unit, experiment="$experiment", log_file=runtime.log_file, now=runtime.clock.now
    )
    records = _Records(runtime, logger)
    return OutputGuard(
        rig=rig,
        ownership=runtime.ownership,
        clock=runtime.clock,
        limits=_limits(runtime),
        heater_pin=rig.pin_of("heating"),
        pump_pins={rig.pin_of(role): role for role in PUMPS if role in channels},
        report=records.report,
        on_switched_off=records.save_switched_off,
        due_at_s=records.due_at_s,
        # A process is late by real time, however fast its clock runs.
        overdue_after_s=OVERDUE_AFTER_S * _clock_speed(runtime),
        recorded_led=records.led,
        clear_recorded_led=records.clear_led,
        power_off=runtime.computer.power_off,
    )


@dataclass
class _Records:
    """What the guard reads from and writes to the unit's stores. Outputs are guarded even when a store fails."""

    runtime: Runtime
    logger: CustomLogger

    def report(self, message: str) -> None:
        """Log an intervention, and leave it for the monitor, which logs it to the cluster."""
        self.logger.warning("%s", message)
        try:
            with self.runtime.stores.volatile(OUTPUT_GUARD_EVENTS).transaction() as store:
                store.set(len(store.items()) + 1, message)
        except StorageError as error:
            self.logger.warning("The intervention could not be reported to the cluster: %s", error)

    def save_switched_off(self, pin: int) -> None:
        """Save when the output was switched off; the volume of an interrupted pump run follows from it."""
        try:
            pump_run_log.mark_switched_off(self.runtime, pin)
        except StorageError as error:
            self.logger.warning("The time of switching off pin %s could not be saved: %s", pin, error)

    def due_at_s(self, role: str) -> float | None:
        """Return when a pump run should end; if that cannot be read, only the longest run limits it."""
        try:
            return pump_run_log.run_ends_at_s(self.runtime, role)
        except StorageError as error:
            self.logger.warning("The end of the %s pump's run could not be read: %s", role, error)
            return None

    def led(self, channel: LedChannel) -> float:
        """Return the recorded intensity [%]; 0 when it cannot be read."""
        try:
            return led_state(self.runtime)[channel]
        except StorageError as error:
            self.logger.warning("The intensity of LED %s could not be read: %s", channel, error)
            return 0.0

    def clear_led(self, channel: LedChannel) -> None:
        try:
            self.runtime.stores.volatile(LEDS).set(channel, 0.0)
        except StorageError as error:
            self.logger.warning("The intensity of LED %s could not be cleared: %s", channel, error)


def _clock_speed(runtime: Runtime) -> float:
    """Return how many times faster than real time the clock runs: simulated clusters share a faster one."""
    return float(getattr(runtime.clock, "speed", 1.0))


def _limits(runtime: Runtime) -> HeatingLimits:
    """Return the limits of the unit's model if it is known locally, else the strictest of all models."""
    try:
        is_known = runtime.identity.model() is not None
    except UnitUnreachableError:
        is_known = False
    return HeatingLimits.of(runtime.model()) if is_known else HeatingLimits.strictest(load_models(runtime.paths.models))
