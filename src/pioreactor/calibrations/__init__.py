"""Calibrations of a unit's devices."""

from typing import TYPE_CHECKING

from pioreactor.public_names import load_on_access

if TYPE_CHECKING:
    from pioreactor.calibrations.models import CalibrationBase
    from pioreactor.calibrations.registry import CalibrationProtocol as CalibrationProtocol

# What only plugins and the command line ask for is loaded when they do: pumps need none of it.
__getattr__ = load_on_access(__name__, {"CalibrationProtocol": "pioreactor.calibrations.registry"})


def load_active_calibration(device: str) -> "CalibrationBase | None":
    """Return the calibration in use for a device of the present unit, None when none is.

    Raise `CalibrationError` when its file is missing, damaged, or of another device.
    """
    from pioreactor.calibrations import store
    from pioreactor.runtime import context

    return store.load_active(context.current(), device)
