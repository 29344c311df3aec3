"""Keeps a unit's estimators: which there are, and which is in use for each device."""

from __future__ import annotations

from pioreactor.exc import CalibrationError
from pioreactor.runtime.artifact_store import ArtifactStore
from pioreactor.runtime.context import Runtime
from pioreactor.structs.estimators import EstimatorBase, ODFusionEstimator, estimator_from_builtins

OD_FUSED = "od_fused"


def check_device(estimator: EstimatorBase, device: str) -> None:
    """Raise `CalibrationError` when an estimator cannot be one of this device."""
    if device == OD_FUSED and not isinstance(estimator, ODFusionEstimator):
        kind = type(estimator).__struct_config__.tag
        raise CalibrationError(f"an estimator of type {kind} does not fuse optical densities")


_shelf: ArtifactStore[EstimatorBase] = ArtifactStore(
    "estimators",
    "estimator",
    cache="active_estimators",
    parse=estimator_from_builtins,
    name_of=lambda estimator: estimator.estimator_name,
    check_device=check_device,
)


def parse(text: str) -> EstimatorBase:
    """Return the estimator that a YAML text describes; raise `CalibrationError` saying what is wrong with it."""
    return _shelf.parse(text)


def load(runtime: Runtime, device: str, name: str) -> EstimatorBase:
    """Return an estimator; raise `NotFoundError` when there is none, `CalibrationError` when it cannot be used."""
    return _shelf.load(runtime, device, name)


def load_active(runtime: Runtime, device: str = OD_FUSED) -> EstimatorBase | None:
    """Return the estimator in use, None when none is; raise `CalibrationError` when it is missing or damaged."""
    return _shelf.load_active(runtime, device)


def save(runtime: Runtime, device: str, estimator: EstimatorBase) -> None:
    """Keep an estimator under its name, in place of an older one; raise `CalibrationError` if of another device."""
    _shelf.save(runtime, device, estimator)


def delete(runtime: Runtime, device: str, name: str) -> None:
    """Delete an estimator, and use it no longer; raise `NotFoundError` when there is none."""
    _shelf.delete(runtime, device, name)


def active_name(runtime: Runtime, device: str = OD_FUSED) -> str | None:
    return _shelf.active_name(runtime, device)


def active_names(runtime: Runtime) -> dict[str, str]:
    """Return device → name of the estimator in use."""
    return _shelf.active_names(runtime)


def set_active(runtime: Runtime, device: str, name: str | None) -> None:
    """Use an estimator from now on, or none; raise as `load` does when it cannot be used."""
    _shelf.set_active(runtime, device, name)


def names(runtime: Runtime, device: str) -> list[str]:
    """Return the names of a device's estimators, damaged ones included."""
    return _shelf.names(runtime).get(device, [])


def list_all(runtime: Runtime) -> dict[str, list[EstimatorBase]]:
    """Return device → estimators; damaged ones are left out (`load` says why)."""
    return _shelf.list_all(runtime)
