"""Calibrations that simulated units are born with, so that they dose without being calibrated first."""

from __future__ import annotations

from pioreactor.calibrations import store
from pioreactor.calibrations.curves import PolyFitCoefficients
from pioreactor.calibrations.models import SimplePeristalticPump
from pioreactor.runtime.context import Runtime

ML_PER_S = 0.0911
"""A typical peristaltic pump at full duty; the twin's pumps deliver about this."""
NAME = "simulated"


def simulated_pump(runtime: Runtime, *, ml_per_s: float = ML_PER_S) -> SimplePeristalticPump:
    """Return the calibration of a pump that moves so much at 250 Hz and full duty."""
    durations_s = [0.0, 10.0, 20.0, 30.0]
    return SimplePeristalticPump(
        calibration_name=NAME,
        calibrated_on_pioreactor_unit=runtime.unit,
        created_at=runtime.clock.now(),
        curve_data_=PolyFitCoefficients([ml_per_s, 0.0]),
        recorded_data={"x": durations_s, "y": [round(ml_per_s * seconds, 6) for seconds in durations_s]},
        hz=250.0,
        dc=100.0,
        voltage=12.0,
    )


def install_simulated(runtime: Runtime) -> None:
    """Give each pump of a simulated unit a calibration, unless it has an active one."""
    for device in sorted(store.PUMP_DEVICES):
        if store.active_name(runtime, device) is None:
            store.save(runtime, device, simulated_pump(runtime))
            store.set_active(runtime, device, NAME)
