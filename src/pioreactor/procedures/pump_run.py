"""Runs one pump for a time at a duty and frequency that are being calibrated, and reads its supply."""

from __future__ import annotations

from dataclasses import dataclass

from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, WASTE, CutShort, DoseRequest, PumpDevice, Refused, dose
from pioreactor.calibrations.conditions import aux_volts
from pioreactor.calibrations.sessions.actions import Payload, register_calibration_action
from pioreactor.exc import ActuatorInUseError, InvalidRequestError, StoppedError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.procedures.exclusive_run import trial_experiment
from pioreactor.runtime import context

PUMPS: dict[str, PumpDevice] = {pump.device: pump for pump in (MEDIA, ALT_MEDIA, WASTE)}
LONGEST_S = 240.0
"""Longest run [s]: it must end before the HTTP request for it times out."""


@dataclass(frozen=True, slots=True)
class TriedRate:
    """Duty [%] and frequency [Hz] of a run of unknown volume; no volume is recorded for it."""

    hz: float
    dc: float

    def ml_to_duration(self, ml: float) -> float:
        raise InvalidRequestError(f"{ml:g} mL cannot be moved by a pump that is being calibrated")

    def duration_to_ml(self, duration: float) -> float:  # noqa: ARG002  the promise of a rate
        return 0.0


def run_pump(device: str, duration_s: float, *, hz: float, dc: float) -> None:
    """Run a pump; the vial's books do not change. Raise `ActuatorInUseError` or `StoppedError` when it did not run."""
    pump = PUMPS.get(device)
    if pump is None or not 0 < duration_s <= LONGEST_S:
        raise InvalidRequestError(f"{device} cannot run for {duration_s:g} s", remedy=f"Use up to {LONGEST_S:g} s.")
    runtime = context.current()
    with managed_lifecycle(runtime.unit, trial_experiment(runtime), pump.event) as action:
        request = DoseRequest(duration_s=duration_s, source_of_event="pump_calibration")
        outcome = dose(action, pump, request, TriedRate(hz, dc))
    if isinstance(outcome, Refused):
        refused = ActuatorInUseError if outcome.reason == "pump_in_use" else InvalidRequestError
        raise refused(outcome.message, remedy="Stop what uses the pump, or correct [PWM].")
    if isinstance(outcome, CutShort):
        raise StoppedError(f"the run of {device} was stopped early")


def _perform(payload: Payload) -> dict[str, float]:
    run_pump(str(payload["device"]), float(payload["duration_s"]), hz=float(payload["hz"]), dc=float(payload["dc"]))
    return {"duration_s": float(payload["duration_s"])}


def _read_aux_voltage(payload: Payload) -> dict[str, float]:  # noqa: ARG001  the signature of actions
    return {"voltage": aux_volts(context.current())}


register_calibration_action("pump", _perform)
register_calibration_action("read_aux_voltage", _read_aux_voltage)
