"""Checks what people and their programs may do."""

from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeVar

import msgspec

from pioreactor.exc import InvalidRequestError, NotPermittedError
from pioreactor.structs.rights import ROLES, Area, Rights, Role

Access = Literal["read", "operate", "manage"]
"""What a request needs: the role of the same place in the order viewer, operator, manager."""
NEEDED: Final[dict[Access, Role]] = {"read": "viewer", "operate": "operator", "manage": "manager"}
MAX_LIMITED: Final = 100
"""Most units, and most experiments, that one limit names."""

T = TypeVar("T", bound=str)


class Request(msgspec.Struct, frozen=True):
    """What a request is about; None: it names no unit, or no experiment."""

    access: Access
    area: Area | None
    unit: str | None = None
    experiment: str | None = None
    reaches_all_units: bool = False
    """Whether it acts on units that it does not name."""


def check(rights: Rights, request: Request, *, experiment_of: Callable[[str], str | None]) -> None:
    """Raise `NotPermittedError` unless these rights allow the request.

    `experiment_of` returns the experiment to which a unit is assigned, for requests that name a unit alone.
    """
    needed = NEEDED[request.access]
    if ROLES.index(rights.role) < ROLES.index(needed):
        raise NotPermittedError(
            f"this needs the role {needed}; yours is {rights.role}", remedy="Ask a manager (page People)."
        )
    if rights.areas is not None and request.area not in (None, *rights.areas):
        raise NotPermittedError(
            f"this token is not for {request.area}, only for {_named(rights.areas)}",
            remedy="Make a token for this area (page Tokens).",
        )
    if request.access != "read":
        _check_limits(rights, request, experiment_of)


def _check_limits(rights: Rights, request: Request, experiment_of: Callable[[str], str | None]) -> None:
    if rights.units is not None and (request.unit not in rights.units or request.reaches_all_units):
        raise _outside("units", rights.units)
    if rights.experiments is not None:
        experiment = request.experiment
        if experiment is None and request.unit is not None:
            experiment = experiment_of(request.unit)
        if experiment not in rights.experiments:
            raise _outside("experiments", rights.experiments)


def checked_limit(values: Iterable[T] | None, what: str) -> tuple[T, ...] | None:
    """Return a limit in order and without repetitions; raise `InvalidRequestError` for too many."""
    if values is None:
        return None
    found = tuple(sorted(set(values)))
    if len(found) > MAX_LIMITED:
        raise InvalidRequestError(f"a limit names at most {MAX_LIMITED} {what}", remedy="Leave the limit out for all.")
    return found


def _named(values: Iterable[str]) -> str:
    return ", ".join(values) or "nothing"


def _outside(what: str, allowed: tuple[str, ...]) -> NotPermittedError:
    return NotPermittedError(
        f"your changes are limited to the {what} {_named(allowed)}", remedy="Ask a manager (page People)."
    )
