"""The estimators of a unit: load, save and delete them, and select the active one of each device."""

from __future__ import annotations

from pioreactor.estimators.models import EstimatorBase, ODFusionEstimator, estimator_from_builtins
from pioreactor.exc import CalibrationError, UnusableCalibrationError
from pioreactor.runtime.artifact_store import ArtifactStore
from pioreactor.runtime.context import Runtime
from pioreactor.science.curves import sampled

OD_FUSED = "od_fused"
MIN_CHANGE = 1e-6
"""Smallest change of a logarithmic reading over the range of concentrations that carries information."""


def check_device(estimator: EstimatorBase, device: str) -> None:
    """Raise `CalibrationError` if an estimator does not fit a device."""
    if device == OD_FUSED and not isinstance(estimator, ODFusionEstimator):
        kind = type(estimator).__struct_config__.tag
        raise CalibrationError(f"an estimator of type {kind} does not fit od_fused")


def check_usable(estimator: EstimatorBase) -> None:
    """Raise `UnusableCalibrationError` if a curve is not finite, or no reading depends on the concentration."""
    if not isinstance(estimator, ODFusionEstimator):
        return
    low, high = estimator.min_logc, estimator.max_logc
    try:
        curves = [sampled(estimator.mu_splines[angle].curve, low, high) for angle in estimator.angles]
        for angle in estimator.angles:
            sampled(estimator.sigma_splines_log[angle].curve, low, high)
    except (ValueError, OverflowError) as error:
        raise UnusableCalibrationError(str(error)) from error
    if all(max(values) - min(values) <= MIN_CHANGE for values in curves):
        raise UnusableCalibrationError("its curves are constant, so no concentration can be read from them")


files: ArtifactStore[EstimatorBase] = ArtifactStore(
    "estimators",
    "estimator",
    cache="active_estimators",
    parse=estimator_from_builtins,
    name_of=lambda estimator: estimator.estimator_name,
    check_device=check_device,
    check_usable=check_usable,
)


def parse(text: str) -> EstimatorBase:
    """Return the estimator in a YAML text; raise `CalibrationError` with the reason if it is invalid."""
    return files.parse(text)


def check(estimator: EstimatorBase) -> None:
    """Raise `UnusableCalibrationError` with the reason if an estimator would give wrong numbers."""
    files.check(estimator)


def load(runtime: Runtime, device: str, name: str) -> EstimatorBase:
    """Return an estimator; raise `NotFoundError` if there is none, `CalibrationError` if it is unusable."""
    return files.load(runtime, device, name)


def load_active(runtime: Runtime, device: str = OD_FUSED) -> EstimatorBase | None:
    """Return the active estimator, None if there is none; raise `CalibrationError` if it is missing or damaged."""
    return files.load_active(runtime, device)


def save(runtime: Runtime, device: str, estimator: EstimatorBase) -> None:
    """Save an estimator, replacing one of the same name; raise `CalibrationError` if it does not fit the device."""
    files.save(runtime, device, estimator)


def delete(runtime: Runtime, device: str, name: str) -> None:
    """Delete an estimator and deactivate it; raise `NotFoundError` if there is none."""
    files.delete(runtime, device, name)


def active_name(runtime: Runtime, device: str = OD_FUSED) -> str | None:
    """Return the name of the active estimator of a device, None if there is none."""
    return files.active_name(runtime, device)


def active_names(runtime: Runtime) -> dict[str, str]:
    """Return the name of the active estimator by device."""
    return files.active_names(runtime)


def set_active(runtime: Runtime, device: str, name: str | None) -> None:
    """Make an estimator active, or none; raise as `load` does if it is unusable."""
    files.set_active(runtime, device, name)


def names(runtime: Runtime, device: str) -> list[str]:
    """Return the names of the estimators of a device, including damaged ones."""
    return files.names(runtime).get(device, [])


def list_all(runtime: Runtime) -> dict[str, list[EstimatorBase]]:
    """Return the estimators by device, without damaged ones (`load` raises the reason)."""
    return files.list_all(runtime)
