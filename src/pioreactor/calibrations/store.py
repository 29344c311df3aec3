"""The calibrations of a unit: load, save and delete them, and select the active one of each device."""

from __future__ import annotations

from pioreactor.calibrations.models import PUMP_DEVICES as PUMP_DEVICES
from pioreactor.calibrations.models import CalibrationBase, files
from pioreactor.calibrations.models import check_device as check_device
from pioreactor.runtime.context import Runtime


def parse(text: str) -> CalibrationBase:
    """Return the calibration in a YAML text; raise `CalibrationError` with the reason if it is invalid."""
    return files.parse(text)


def check(calibration: CalibrationBase) -> None:
    """Raise `UnusableCalibrationError` with the reason if a calibration would give wrong numbers."""
    files.check(calibration)


def load(runtime: Runtime, device: str, name: str) -> CalibrationBase:
    """Return a calibration; raise `NotFoundError` if there is none, `CalibrationError` if it is unusable."""
    return files.load(runtime, device, name)


def load_active(runtime: Runtime, device: str) -> CalibrationBase | None:
    """Return the active calibration of a device, None if there is none.

    Raise `CalibrationError` if its file is missing, damaged, or of another device.
    """
    return files.load_active(runtime, device)


def save(runtime: Runtime, device: str, calibration: CalibrationBase) -> None:
    """Save a calibration, replacing one of the same name; raise `CalibrationError` if it does not fit the device."""
    files.save(runtime, device, calibration)


def delete(runtime: Runtime, device: str, name: str) -> None:
    """Delete a calibration and deactivate it; raise `NotFoundError` if there is none."""
    files.delete(runtime, device, name)


def active_name(runtime: Runtime, device: str) -> str | None:
    """Return the name of the active calibration of a device, None if there is none."""
    return files.active_name(runtime, device)


def active_names(runtime: Runtime) -> dict[str, str]:
    """Return the name of the active calibration by device."""
    return files.active_names(runtime)


def set_active(runtime: Runtime, device: str, name: str | None) -> None:
    """Make a calibration active, or none; raise as `load` does if it is unusable."""
    files.set_active(runtime, device, name)


def names(runtime: Runtime, device: str) -> list[str]:
    """Return the names of the calibrations of a device, including damaged ones."""
    return files.names(runtime).get(device, [])


def list_all(runtime: Runtime) -> dict[str, list[CalibrationBase]]:
    """Return the calibrations by device, without damaged ones (`load` raises the reason)."""
    return files.list_all(runtime)
