"""Rights of people and of their programs, as they are stored: a role and its limits."""

from typing import Annotated, Final, Literal, TypeVar, get_args

import msgspec

Role = Literal["viewer", "operator", "manager"]
"""A viewer sees everything; an operator also works with units and experiments; a manager also runs the cluster."""
Area = Literal["experiments", "units", "calibrations", "profiles", "cameras", "alarms", "cluster", "people"]
"""Part of the API to which a token can be limited."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)
AREAS: Final[tuple[Area, ...]] = get_args(Area)

T = TypeVar("T", bound=str)


class Budget(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agent may use up by acts that people approved; None: not limited.

    `media_ml` and `celsius_hours` (above 22 °C) are totals of the token, `acts_per_hour` counts everything it changes.
    """

    media_ml: Annotated[float, msgspec.Meta(ge=0.0, le=1e6)] | None = None
    celsius_hours: Annotated[float, msgspec.Meta(ge=0.0, le=1e6)] | None = None
    acts_per_hour: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None = None


class Rights(msgspec.Struct, frozen=True):
    """A role and its limits; None: no limit, an empty tuple: nothing at all. Limits bound changes, not reading."""

    role: Role = "viewer"
    units: tuple[str, ...] | None = None
    experiments: tuple[str, ...] | None = None
    areas: tuple[Area, ...] | None = None
    is_agent: bool = False
    """Whether these are an agent's, which uses tools (`/mcp`) and no other route."""
    budget: Budget | None = None
    """Of an agent."""

    @property
    def is_limited(self) -> bool:
        """Whether some units, experiments or areas are excluded."""
        return any(limit is not None for limit in (self.units, self.experiments, self.areas))

    @property
    def is_manager(self) -> bool:
        """Whether this is a manager of the whole cluster."""
        return self.role == "manager" and not self.is_limited

    def without_limits(self) -> "Rights":
        """Return the role, with the areas but without limits to units and experiments."""
        return Rights(self.role, areas=self.areas, is_agent=self.is_agent, budget=self.budget)

    def within(self, other: "Rights") -> "Rights":
        """Return what both allow: a token never does more than the person who made it."""
        return Rights(
            min(self.role, other.role, key=ROLES.index),
            _common(self.units, other.units),
            _common(self.experiments, other.experiments),
            _common(self.areas, other.areas),
            self.is_agent or other.is_agent,
            self.budget if self.budget is not None else other.budget,
        )


VIEWER: Final = Rights()
MANAGER: Final = Rights("manager")


def _common(one: tuple[T, ...] | None, other: tuple[T, ...] | None) -> tuple[T, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    return tuple(value for value in one if value in other)
