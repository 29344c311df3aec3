"""The vial's variables under short names."""

from __future__ import annotations

from datetime import datetime

from pioreactor import structs
from pioreactor.actions import bioreactor as _books
from pioreactor.actions.volume_tracking import VARIABLES as VARIABLES
from pioreactor.runtime.context import current


def get_all_bioreactor_values(experiment: str) -> dict[str, float]:
    """Return every variable of the vial: volumes [mL] and the fraction of alternative media."""
    return _books.vial_state(current(), experiment).as_dict()


def get_bioreactor_value(experiment: str, variable: str) -> float:
    return get_all_bioreactor_values(experiment)[variable]


def encode_bioreactor_payload(value: float, timestamp: datetime | None = None) -> bytes:
    """Return the payload of a variable of the vial; `timestamp` is the moment of the change, now unless given."""
    at = timestamp if timestamp is not None else current().clock.now()
    return structs.encode(structs.BioreactorValue(timestamp=at, value=value))


def decode_bioreactor_payload(payload: bytes | str) -> structs.BioreactorValue:
    """Return value and moment of a payload; the bare number of earlier versions is of now.

    Raise `msgspec.DecodeError` for any other payload.
    """
    reading = structs.decode_bioreactor_value(payload)
    if isinstance(reading, float):
        return structs.BioreactorValue(timestamp=current().clock.now(), value=reading)
    return reading


def set_bioreactor_value(experiment: str, variable: str, value: float) -> float:
    """Correct one variable; raise `InvalidRequestError` for an impossible value."""
    return _books.set_variables(current(), experiment, {variable: value}).as_dict()[variable]
