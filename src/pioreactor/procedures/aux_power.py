"""The supply voltage of pumps, heater and fan, as calibrations note it."""

from __future__ import annotations

from pioreactor.calibrations.sessions.actions import Payload, register_calibration_action
from pioreactor.exc import HardwareError, HardwareNotFoundError
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime

UNKNOWN = -1.0


def aux_volts(runtime: Runtime) -> float:
    """Return the voltage of the PWM rail [V], to 0.1 V; -1 when the board cannot measure it."""
    try:
        return round(runtime.open_rig().aux_volts(), 1)
    except (HardwareError, HardwareNotFoundError):
        return UNKNOWN


def _read(payload: Payload) -> dict[str, float]:  # noqa: ARG001  the signature of actions
    return {"voltage": aux_volts(context.current())}


register_calibration_action("read_aux_voltage", _read)
