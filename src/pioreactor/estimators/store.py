"""The estimators of a unit: load, save and delete them, and select the active one of each device."""

from __future__ import annotations

from pioreactor.estimators.models import EstimatorBase, ODFusionEstimator, estimator_from_builtins
from pioreactor.exc import CalibrationError, UnusableCalibrationError
from pioreactor.runtime.artifact_store import ArtifactStore
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

# `ArtifactStore` says what each does.
parse, check = files.parse, files.check
load, save, delete, names, list_all = files.load, files.save, files.delete, files.names, files.list_all
load_active, set_active = files.load_active, files.set_active
active_name, active_names = files.active_name, files.active_names
