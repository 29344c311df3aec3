"""Estimators of a unit: what fuses several readings into one."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pioreactor.estimators.models import EstimatorBase


def load_active_estimator(device: str = "od_fused") -> "EstimatorBase | None":
    """Return the estimator in use for a device of the present unit, None when none is.

    Raise `CalibrationError` when its file is missing, damaged, or of another device.
    """
    from pioreactor.estimators import store
    from pioreactor.runtime import context

    return store.load_active(context.current(), device)


def __getattr__(name: str) -> object:
    """Say where estimators are kept, under the name that plugins ask for."""
    if name == "ESTIMATOR_PATH":
        from pioreactor.runtime import context

        return context.current().paths.estimators
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
