"""The vial's variables under short names."""

from __future__ import annotations

from pioreactor.actions import bioreactor as _books
from pioreactor.actions.volume_tracking import VARIABLES as VARIABLES
from pioreactor.runtime.context import current


def get_all_bioreactor_values(experiment: str) -> dict[str, float]:
    """Return every variable of the vial: volumes [mL] and the fraction of alternative media."""
    return _books.vial_state(current(), experiment).as_dict()


def get_bioreactor_value(experiment: str, variable: str) -> float:
    return get_all_bioreactor_values(experiment)[variable]


def set_bioreactor_value(experiment: str, variable: str, value: float) -> float:
    """Correct one variable; raise `InvalidRequestError` for an impossible value."""
    return _books.set_variables(current(), experiment, {variable: value}).as_dict()[variable]
