"""Compares the conditions under which a calibration was made with the present ones of its unit."""

from __future__ import annotations

from collections.abc import Callable, Collection

from pioreactor.exc import HardwareError, HardwareNotFoundError
from pioreactor.observability.log import CustomLogger
from pioreactor.runtime.context import Runtime

TOLERANCE = 0.05
"""Share by which a condition may differ. A pump's rate follows its supply voltage."""
UNKNOWN_VOLTS = -1.0
"""Recorded voltage of calibrations made where the supply is not measured."""


def aux_volts(runtime: Runtime) -> float:
    """Return the voltage of the PWM rail [V], to 0.1 V; -1 when the board cannot measure it."""
    try:
        return round(runtime.open_rig().aux_volts(), 1)
    except (HardwareError, HardwareNotFoundError):
        return UNKNOWN_VOLTS


def warn_of_differences(
    logger: CustomLogger, runtime: Runtime, device: str, calibration: object, *, only: Collection[str] | None = None
) -> None:
    """Log each difference between the conditions of an active calibration and the present ones."""
    name = getattr(calibration, "calibration_name", "?")
    for sentence in differences(runtime, calibration, only=only):
        logger.warning(
            "Calibration %s of %s may not hold: %s Calibrate again, or use another one.", name, device, sentence
        )


def differences(runtime: Runtime, calibration: object, *, only: Collection[str] | None = None) -> list[str]:
    """Return a sentence for each condition that differs by more than `TOLERANCE` from when it was made.

    `only` limits them to these attributes of calibrations.
    """
    names = _CONDITIONS if only is None else only
    found = [sentence for name in names if (sentence := _difference(runtime, calibration, name)) is not None]
    if only is None:
        found += _other_photodiode(runtime, calibration)
    return found


def _other_photodiode(runtime: Runtime, calibration: object) -> list[str]:
    angle, channel = getattr(calibration, "angle", None), getattr(calibration, "pd_channel", None)
    configured = None if channel is None else runtime.settings.photodiodes.get(channel)
    if angle is None or configured == angle:
        return []
    now = "none is configured there" if configured is None else f"{configured} is configured there"
    return [f"It was made with photodiode {channel} at {angle}°, and {now}."]


def _difference(runtime: Runtime, calibration: object, attribute: str) -> str | None:
    what, unit, read = _CONDITIONS[attribute]
    made_with = getattr(calibration, attribute, None)
    # A voltage of 0 or below was not measured.
    if not isinstance(made_with, int | float) or (attribute == "voltage" and made_with <= 0):
        return None
    now = read(runtime)
    if now is None or abs(now - made_with) <= TOLERANCE * max(abs(made_with), abs(now)):
        return None
    return f"It was made with {what} of {made_with:g} {unit}, now it is {now:g} {unit}."


def _supply(runtime: Runtime) -> float | None:
    volts = aux_volts(runtime)
    return volts if volts > 0 else None


def _ir_intensity(runtime: Runtime) -> float | None:
    configured = runtime.settings.od_reading.ir_led_intensity
    return None if isinstance(configured, str) else float(configured)


def _stirring_rpm(runtime: Runtime) -> float | None:
    """Return the target of the running stirring, or the configured one."""
    jobs = runtime.stores.jobs()
    for job in jobs.running(job_name="stirring"):
        target = jobs.settings(job.job_id).get("target_rpm")
        return float(target) if isinstance(target, int | float) else None
    return runtime.settings.stirring.initial_target_rpm


_CONDITIONS: dict[str, tuple[str, str, Callable[[Runtime], float | None]]] = {
    "voltage": ("a supply", "V", _supply),
    "ir_led_intensity": ("an IR LED intensity", "%", _ir_intensity),
    "rpm": ("a stirring speed", "RPM", _stirring_rpm),
    "pwm_hz": ("a PWM frequency", "Hz", lambda runtime: runtime.settings.stirring.pwm_hz),
}
"""Attribute of calibrations → what it is, its unit, and how to read the present value; None when it is unknown."""
