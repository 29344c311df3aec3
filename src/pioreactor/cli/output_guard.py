"""`python -m pioreactor.cli.output_guard`: the unit's supervisor, a process of its own that runs from boot.

It is no command of `pio`: it loads neither the command line nor plugins, and speaks to nobody but the hardware.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pioreactor.clock.ports import Signal
    from pioreactor.devices.guard import HeatingLimits
    from pioreactor.observability.log import CustomLogger
    from pioreactor.output_guard.output_guard import OutputGuard
    from pioreactor.runtime.context import Runtime
    from pioreactor.types import LedChannel


def build(runtime: Runtime) -> OutputGuard:
    """Return the supervisor of a unit."""
    from pioreactor.actions import pump_run_log
    from pioreactor.actions.led_intensity import LEDS, led_state
    from pioreactor.exc import StorageError
    from pioreactor.observability.log import create_logger
    from pioreactor.output_guard.output_guard import OUTPUT_GUARD_EVENTS, OVERDUE_AFTER_S, OutputGuard

    rig = runtime.open_rig()
    channels = runtime.settings.pwm_channel_of
    logger = create_logger(
        "supervisor", unit=runtime.unit, experiment="$experiment", log_file=runtime.log_file, now=runtime.clock.now
    )

    def tell(words: str) -> None:
        """Log what was done, and leave it for the monitor, which tells the cluster."""
        logger.warning("%s", words)
        try:
            with runtime.stores.volatile(OUTPUT_GUARD_EVENTS).transaction() as store:
                store.set(len(store.items()) + 1, words)
        except StorageError as error:
            logger.warning("The cluster is not told: %s", error)

    def note_off(pin: int) -> None:
        """Note the moment, by which the books of an interrupted pump are made up."""
        try:
            pump_run_log.mark_switched_off(runtime, pin)
        except StorageError as error:
            logger.warning("When it was switched off is not noted: %s", error)

    def recorded_light(channel: LedChannel) -> float:
        """Return what is on record [%]; a record that cannot be read lights nothing."""
        try:
            return led_state(runtime)[channel]
        except StorageError as error:
            logger.warning("What LED %s should be is not known: %s", channel, error)
            return 0.0

    def forget_light(channel: LedChannel) -> None:
        try:
            runtime.stores.volatile(LEDS).set(channel, 0.0)
        except StorageError as error:
            logger.warning("That LED %s is off is not noted: %s", channel, error)

    return OutputGuard(
        rig=rig,
        ownership=runtime.ownership,
        clock=runtime.clock,
        limits=_limits(runtime),
        heater_pin=rig.pin_of("heating"),
        pump_pins={rig.pin_of(role): role for role in ("media", "alt_media", "waste") if role in channels},
        tell=tell,
        note_off=note_off,
        due_at_s=partial(_due_at_s, runtime, logger),
        # A process is late by real time, however fast its clock goes.
        overdue_after_s=OVERDUE_AFTER_S * getattr(runtime.clock, "speed", 1.0),
        recorded_light=recorded_light,
        forget_light=forget_light,
        power_off=runtime.computer.power_off,
    )


def _due_at_s(runtime: Runtime, logger: CustomLogger, role: str) -> float | None:
    """Return when a run is to be over; while that cannot be read, only the longest run counts."""
    from pioreactor.actions import pump_run_log
    from pioreactor.exc import StorageError

    try:
        return pump_run_log.run_ends_at_s(runtime, role)
    except StorageError as error:
        logger.warning("When the %s pump is to stop is not known: %s", role, error)
        return None


def _limits(runtime: Runtime) -> HeatingLimits:
    """Return the model's limits if the unit remembers its model, else those that suit every model."""
    from pioreactor.devices.guard import HeatingLimits
    from pioreactor.exc import UnitUnreachableError
    from pioreactor.models import load_models

    try:
        known = runtime.identity.model() is not None
    except UnitUnreachableError:
        known = False
    return HeatingLimits.of(runtime.model()) if known else HeatingLimits.strictest(load_models(runtime.paths.models))


def watch(runtime: Runtime, ending: Signal, *, say_alive: Callable[[], None] = lambda: None) -> None:
    """Look until told to end, and say so each time. Raise `ActuatorInUseError` when the unit has one already."""
    from pioreactor.output_guard.output_guard import LOOK_EVERY_S, NAME

    lease = runtime.ownership.acquire(NAME, NAME)
    try:
        supervisor = build(runtime)
        pause_s = LOOK_EVERY_S * getattr(runtime.clock, "speed", 1.0)
        say_alive()
        while not ending.wait(pause_s):
            supervisor.look()
            say_alive()
    finally:
        lease.release()


def main() -> None:
    """Supervise this unit."""
    from pioreactor.bootstrap import build_runtime
    from pioreactor.processes.watchdog import watchdog_sender

    runtime = build_runtime(quiet=True, handles_signals=False, asks_leader=False)
    ending = runtime.clock.signal()

    def end(_number: int, _frame: FrameType | None) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    print(f"{runtime.unit} is supervised", file=sys.stderr)  # noqa: T201  the one line its log begins with
    watch(runtime, ending, say_alive=watchdog_sender(os.environ))


if __name__ == "__main__":
    main()
