"""Who this unit is, under the names plugins import."""

from __future__ import annotations

import os
import sys
import warnings

from pioreactor import models
from pioreactor.runtime.context import current
from pioreactor.types import NO_EXPERIMENT as NO_EXPERIMENT
from pioreactor.types import UNIVERSAL_EXPERIMENT as UNIVERSAL_EXPERIMENT
from pioreactor.types import UNIVERSAL_IDENTIFIER as UNIVERSAL_IDENTIFIER
from pioreactor.types import Experiment, Unit


def get_unit_name() -> Unit:
    return current().identity.unit


def get_assigned_experiment_name(unit: str) -> Experiment:
    """Return the experiment a unit is assigned to; raise `NotAssignedAnExperimentError` when there is none."""
    return current().identity.inventory.experiment(unit)


def get_testing_experiment_name() -> Experiment:
    """Return the experiment under which trials run: nothing of it is stored in the database."""
    return Experiment(f"_testing_{current().identity.experiment()}")


def get_latest_experiment_name() -> Experiment:
    warnings.warn("ask get_assigned_experiment_name(unit) instead", DeprecationWarning, stacklevel=2)
    return current().identity.experiment()


def get_latest_testing_experiment_name() -> Experiment:
    warnings.warn("ask get_testing_experiment_name() instead", DeprecationWarning, stacklevel=2)
    return get_testing_experiment_name()


def get_pioreactor_model() -> models.ReactorModel:
    return current().model()


def am_I_leader() -> bool:  # noqa: N802  the name plugins import
    return current().identity.is_leader


def am_I_a_worker() -> bool:  # noqa: N802  the name plugins import
    return current().identity.is_worker()


def am_I_active_worker() -> bool:  # noqa: N802  the name plugins import
    return current().identity.is_active()


def is_active(unit: str) -> bool:
    return current().identity.inventory.is_active(unit)


def is_testing_env() -> bool:
    """Say whether a plugin should leave real hardware alone: in tests, and on a simulated reactor."""
    return bool(os.environ.get("TESTING")) or "pytest" in sys.modules or current().settings.hardware.rig == "sim"
