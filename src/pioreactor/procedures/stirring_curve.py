"""Measures the speed of the stir bar against the duty of its fan: down, up and down again, to average hysteresis."""

from __future__ import annotations

from typing import Any

from pioreactor.calibrations.conditions import aux_volts
from pioreactor.calibrations.fitting import fit_curve
from pioreactor.calibrations.models import SimpleStirringCalibration
from pioreactor.calibrations.sessions.actions import Payload, register_calibration_action
from pioreactor.devices.drivers.tachometer import rpm_from_edges
from pioreactor.devices.ports import PwmOutput, Tachometer
from pioreactor.exc import CalibrationError, HardwareNotFoundError, InvalidRequestError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.procedures.exclusive_run import STIRRING, refuse_while_running, trial_experiment
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime

JOB_NAME = "stirring_calibration"
POINTS_PER_SWEEP = 5
SETTLE_S = 2.0
MEASURE_S = 2.0
KICK_S = 0.5
"""Full duty that breaks the bar's stiction at start."""
FEWEST_POINTS = 4
LOWEST_SHARE, HIGHEST_SHARE = 0.66, 1.33
"""The default range, as shares of the configured initial duty."""


def duty_range(runtime: Runtime, min_dc: float | None = None, max_dc: float | None = None) -> tuple[float, float]:
    """Return the duties to go through [%]; raise `InvalidRequestError` for a range that is none."""
    usual = runtime.settings.stirring.initial_duty_cycle
    low = round(LOWEST_SHARE * usual, 3) if min_dc is None else min_dc
    high = round(min(100.0, HIGHEST_SHARE * usual), 3) if max_dc is None else max_dc
    if not 0 < low < high <= 100:
        raise InvalidRequestError(f"duties must rise within 0–100 %, not from {low:g} to {high:g}")
    return low, high


def sweep(low: float, high: float) -> list[float]:
    """Return the duties in the order in which they are set [%]."""
    step = (high - low) / (POINTS_PER_SWEEP - 1)
    up = [round(low + k * step, 4) for k in range(POINTS_PER_SWEEP)]
    return [*reversed(up), *up, *reversed(up)]


def measure_stirring_curve(min_dc: float | None = None, max_dc: float | None = None) -> dict[str, Any]:
    """Go through the duties and return those at which the bar turned (`dcs` [%]) with its speeds (`rpms`).

    Publishes `percent_progress` under `stirring_calibration`. Raise `ReactorInUseError` while stirring runs, and
    `CalibrationError` when the bar hardly ever turned.
    """
    runtime = context.current()
    refuse_while_running(runtime, [STIRRING], what="the stirring calibration")
    low, high = duty_range(runtime, min_dc, max_dc)
    rig = runtime.open_rig()
    if not rig.is_hat_present():
        raise HardwareNotFoundError("stirring needs the Pioreactor HAT, which does not answer")
    hz = runtime.settings.stirring.pwm_hz
    with managed_lifecycle(runtime.unit, trial_experiment(runtime), JOB_NAME, exclusive=True) as action:
        fan = rig.pwm("stirring", owner=action.owner, hz=hz)
        try:
            dcs, rpms = _go_through(action, fan, rig.tachometer(), sweep(low, high))
            voltage = aux_volts(runtime)
        finally:
            fan.release()
    if len(set(dcs)) < FEWEST_POINTS:
        raise CalibrationError(
            f"the bar turned at {len(set(dcs))} of {POINTS_PER_SWEEP} duties only",
            remedy="Check that vial and stir bar are in place, and the fan's cable; or choose higher duties.",
        )
    return {"dcs": dcs, "rpms": rpms, "pwm_hz": hz, "voltage": voltage}


def _go_through(
    action: managed_lifecycle, fan: PwmOutput, tachometer: Tachometer, duties: list[float]
) -> tuple[list[float], list[float]]:
    dcs: list[float] = []
    rpms: list[float] = []
    action.publish_setting("percent_progress", 0.0)
    fan.set_duty(100.0)
    action.sleep(KICK_S)
    for number, duty in enumerate(duties, 1):
        fan.set_duty(duty)
        action.sleep(SETTLE_S)
        tachometer.edges()
        action.sleep(MEASURE_S)
        rpm = rpm_from_edges(tachometer.edges())
        action.logger.debug("%.2f %% gives %.1f RPM.", duty, rpm)
        if rpm > 0:
            dcs.append(duty)
            rpms.append(rpm)
        action.publish_setting("percent_progress", round(100 * number / len(duties), 1))
    return dcs, rpms


def calibration_of(runtime: Runtime, name: str, measured: dict[str, Any]) -> SimpleStirringCalibration:
    """Return the calibration that these measurements make."""
    return SimpleStirringCalibration(
        calibration_name=name,
        calibrated_on_pioreactor_unit=runtime.unit,
        created_at=runtime.clock.now(),
        curve_data_=fit_curve(measured["dcs"], measured["rpms"], "spline"),
        recorded_data={"x": list(measured["dcs"]), "y": list(measured["rpms"])},
        pwm_hz=measured["pwm_hz"],
        voltage=measured["voltage"],
    )


def _perform(payload: Payload) -> dict[str, Any]:
    return measure_stirring_curve(payload.get("min_dc"), payload.get("max_dc"))


register_calibration_action(JOB_NAME, _perform)
