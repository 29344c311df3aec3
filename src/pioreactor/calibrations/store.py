"""Keeps a unit's calibrations: which there are, and which is in use for each device."""

from __future__ import annotations

import re

from pioreactor.exc import CalibrationError
from pioreactor.runtime.artifact_store import ArtifactStore
from pioreactor.runtime.context import Runtime
from pioreactor.structs.calibrations import (
    CalibrationBase,
    ODCalibration,
    calibration_from_builtins,
)

PUMP_DEVICES = frozenset({"media_pump", "alt_media_pump", "waste_pump"})
_OD_DEVICE = re.compile(r"od(45|90|135|180)")


def check_device(calibration: CalibrationBase, device: str) -> None:
    """Raise `CalibrationError` when a calibration cannot be one of this device."""
    kind = calibration.calibration_type
    angle = _OD_DEVICE.fullmatch(device)
    if device in PUMP_DEVICES and not hasattr(calibration, "ml_to_duration"):
        raise CalibrationError(f"a calibration of type {kind} is not one of a pump")
    if angle and calibration.y != "Voltage":
        raise CalibrationError(f"a calibration of type {kind} is not one of optical density")
    if angle and isinstance(calibration, ODCalibration) and calibration.angle != angle[1]:
        raise CalibrationError(f"it was made at {calibration.angle}°, which is not {device}")
    if device == "stirring" and calibration.y != "RPM":
        raise CalibrationError(f"a calibration of type {kind} is not one of stirring")


_shelf: ArtifactStore[CalibrationBase] = ArtifactStore(
    "calibrations",
    "calibration",
    cache="active_calibrations",
    parse=calibration_from_builtins,
    name_of=lambda calibration: calibration.calibration_name,
    check_device=check_device,
)


def parse(text: str) -> CalibrationBase:
    """Return the calibration that a YAML text describes; raise `CalibrationError` saying what is wrong with it."""
    return _shelf.parse(text)


def load(runtime: Runtime, device: str, name: str) -> CalibrationBase:
    """Return a calibration; raise `NotFoundError` when there is none, `CalibrationError` when it cannot be used."""
    return _shelf.load(runtime, device, name)


def load_active(runtime: Runtime, device: str) -> CalibrationBase | None:
    """Return the calibration in use for a device, None when none is.

    Raise `CalibrationError` when its file is missing, damaged, or of another device.
    """
    return _shelf.load_active(runtime, device)


def save(runtime: Runtime, device: str, calibration: CalibrationBase) -> None:
    """Keep a calibration under its name, in place of an older one; raise `CalibrationError` if of another device."""
    _shelf.save(runtime, device, calibration)


def delete(runtime: Runtime, device: str, name: str) -> None:
    """Delete a calibration, and use it no longer; raise `NotFoundError` when there is none."""
    _shelf.delete(runtime, device, name)


def active_name(runtime: Runtime, device: str) -> str | None:
    return _shelf.active_name(runtime, device)


def active_names(runtime: Runtime) -> dict[str, str]:
    """Return device → name of the calibration in use."""
    return _shelf.active_names(runtime)


def set_active(runtime: Runtime, device: str, name: str | None) -> None:
    """Use a calibration from now on, or none; raise as `load` does when it cannot be used."""
    _shelf.set_active(runtime, device, name)


def names(runtime: Runtime, device: str) -> list[str]:
    """Return the names of a device's calibrations, damaged ones included."""
    return _shelf.names(runtime).get(device, [])


def list_all(runtime: Runtime) -> dict[str, list[CalibrationBase]]:
    """Return device → calibrations; damaged ones are left out (`load` says why)."""
    return _shelf.list_all(runtime)
