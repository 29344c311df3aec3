"""Calibrations of a unit's devices."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pioreactor.calibrations.models import CalibrationBase
    from pioreactor.calibrations.registry import CalibrationProtocol as CalibrationProtocol


def load_active_calibration(device: str) -> "CalibrationBase | None":
    """Return the calibration in use for a device of the present unit, None when none is.

    Raise `CalibrationError` when its file is missing, damaged, or of another device.
    """
    from pioreactor.calibrations import store
    from pioreactor.runtime import context

    return store.load_active(context.current(), device)


def __getattr__(name: str) -> object:
    """Import what only plugins and the command line ask for when they do: pumps need none of it."""
    if name == "CalibrationProtocol":
        from pioreactor.calibrations.registry import CalibrationProtocol

        return CalibrationProtocol
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
