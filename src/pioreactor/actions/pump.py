"""Pumps as actions of their own: by command, and under the function names that plugins and notebooks call."""

from __future__ import annotations

import logging
from typing import Final

from pioreactor.actions.dosing import (
    ALT_MEDIA,
    MEDIA,
    WASTE,
    CutShort,
    DoseOutcome,
    DoseRequest,
    PumpDevice,
    PumpRate,
    Refused,
    UncalibratedPump,
    load_pump_rate,
)
from pioreactor.actions.dosing import dose as move_liquid
from pioreactor.calibrations.conditions import warn_of_differences
from pioreactor.exc import ActuatorInUseError, CalibrationMissingError, InvalidRequestError, PioreactorError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.runtime import context

log = logging.getLogger(__name__)

MAX_WAIT_S: Final = 60.0
"""Time that a dose waits for a pump which another dose uses [s]."""
POLL_INTERVAL_S: Final = 0.25


def run_pump_action(
    pump: PumpDevice, request: DoseRequest, *, unit: str | None = None, experiment: str | None = None
) -> DoseOutcome:
    """Run a pump under the action's name, so that it can be watched and stopped; raise when it is refused."""
    runtime = context.current()
    where, what_for = runtime.place(unit, experiment)
    with managed_lifecycle(where, what_for, pump.event) as action:
        rate = load_pump_rate(action, pump)
        if rate is not None:
            warn_of_differences(action.logger, runtime, pump.device, rate)
        outcome = dose_in_turn(action, pump, request, rate)
        if isinstance(outcome, Refused):
            raise error_of(pump, outcome)
        return outcome


def dose_in_turn(
    action: managed_lifecycle, pump: PumpDevice, request: DoseRequest, rate: PumpRate | None
) -> DoseOutcome:
    """Run a pump; while another dose uses it, wait for it, at most `MAX_WAIT_S`. A refusal says who wanted how much."""
    clock = action.runtime.clock
    until_s = clock.monotonic() + MAX_WAIT_S
    outcome = move_liquid(action, pump, request, rate)
    if _is_in_use(outcome):
        action.logger.info(
            "Waiting for the %s pump, at most %.0f s: %s.", pump.role, MAX_WAIT_S, getattr(outcome, "message", "")
        )
    while _is_in_use(outcome) and clock.monotonic() < until_s:
        if action.exit_event.wait(POLL_INTERVAL_S):
            action.logger.warning("%s was stopped before it began.", _described(pump, request))
            return CutShort(0.0, request.volume_ml, "stopped")
        outcome = move_liquid(action, pump, request, rate)
    if isinstance(outcome, Refused):
        return Refused(outcome.reason, f"{_described(pump, request)} was refused: {outcome.message}")
    return outcome


def _is_in_use(outcome: DoseOutcome) -> bool:
    return isinstance(outcome, Refused) and outcome.reason == "pump_in_use"


def _described(pump: PumpDevice, request: DoseRequest) -> str:
    """Return a requested dose in words, with its source."""
    amount = ""
    if request.volume_ml is not None:
        amount = f" of {request.volume_ml:g} mL"
    elif request.duration_s is not None:
        amount = f" for {request.duration_s:g} s"
    return f"{pump.event}{amount} (from {request.source_of_event})"


def error_of(pump: PumpDevice, refusal: Refused) -> PioreactorError:
    """Return the error that says why a pump was refused, and what helps."""
    match refusal.reason:
        case "no_calibration":
            return CalibrationMissingError(
                refusal.message, remedy=f"Run: pio calibrations run --device {pump.device}; or give --duration."
            )
        case "pump_in_use":
            return ActuatorInUseError(refusal.message, remedy="Wait until it is done, or stop it.")
        case "vial_full":
            return InvalidRequestError(refusal.message, remedy="Remove waste first, or correct the vial's volume.")
        case _:
            return InvalidRequestError(refusal.message)


def _documented(
    pump: PumpDevice,
    unit: str | None,
    experiment: str | None,
    ml: float | None,
    duration: float | None,
    continuously: bool,
    source_of_event: str | None,
) -> float:
    """Move liquid and return the volume [mL]; 0.0 when it was refused, with the reason in the log."""
    if (ml is not None) + (duration is not None) + continuously != 1:
        raise ValueError("give exactly one of ml, duration and continuously")
    request = DoseRequest(ml, duration, source_of_event if source_of_event is not None else "app")
    try:
        return run_pump_action(pump, request, unit=unit, experiment=experiment).volume_ml
    except PioreactorError as error:
        log.error("%s did not run: %s", pump.event, error)
        return 0.0


def add_media(
    unit: str | None = None,
    experiment: str | None = None,
    ml: float | None = None,
    duration: float | None = None,
    continuously: bool = False,
    source_of_event: str | None = None,
    **_ignored: object,
) -> float:
    """Add media: a volume [mL], a duration [s], or until stopped. Return what moved [mL]."""
    return _documented(MEDIA, unit, experiment, ml, duration, continuously, source_of_event)


def add_alt_media(
    unit: str | None = None,
    experiment: str | None = None,
    ml: float | None = None,
    duration: float | None = None,
    continuously: bool = False,
    source_of_event: str | None = None,
    **_ignored: object,
) -> float:
    """Add alternative media. Return what moved [mL]."""
    return _documented(ALT_MEDIA, unit, experiment, ml, duration, continuously, source_of_event)


def remove_waste(
    unit: str | None = None,
    experiment: str | None = None,
    ml: float | None = None,
    duration: float | None = None,
    continuously: bool = False,
    source_of_event: str | None = None,
    **_ignored: object,
) -> float:
    """Remove waste. Return what the pump was told to move [mL]."""
    return _documented(WASTE, unit, experiment, ml, duration, continuously, source_of_event)


class PWMPump:
    """A pump on any pin, for pumps of plugins: it only turns, and does not update the volume ledger."""

    def __init__(
        self,
        unit: str,
        experiment: str,
        pin: int,
        calibration: PumpRate | None = None,
        mqtt_client: object = None,  # noqa: ARG002  accepted for callers of the documented signature
        logger: object = None,  # noqa: ARG002
    ) -> None:
        runtime = context.current()
        self.unit, self.experiment, self.pin = unit, experiment, pin
        self.calibration: PumpRate = calibration if calibration is not None else UncalibratedPump()
        self._clock = runtime.clock
        self._interrupt = runtime.clock.signal()
        owner = f"pump on pin {pin} ({runtime.pid})"
        self._output = runtime.open_rig().pwm_by_pin(pin, owner=owner, hz=self.calibration.hz)

    def by_duration(self, seconds: float) -> None:
        """Turn for a time [s], or until `stop`."""
        self._interrupt.clear()
        try:
            self._output.set_duty(self.calibration.dc)
            self._interrupt.wait(seconds)
        finally:
            self._output.off()

    def by_volume(self, ml: float) -> None:
        """Turn for as long as the volume takes [mL]."""
        self.by_duration(self.ml_to_duration(ml))

    def continuously(self) -> None:
        """Turn until `stop`."""
        self._output.set_duty(self.calibration.dc)

    def stop(self) -> None:
        self._interrupt.set()
        self._output.off()

    def ml_to_duration(self, ml: float) -> float:
        return self.calibration.ml_to_duration(ml)

    def duration_to_ml(self, seconds: float) -> float:
        return self.calibration.duration_to_ml(seconds)

    def clean_up(self) -> None:
        """Stop, and release the pin."""
        self._interrupt.set()
        self._output.release()

    def __enter__(self) -> PWMPump:
        return self

    def __exit__(self, *_: object) -> None:
        self.clean_up()
