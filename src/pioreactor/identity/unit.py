"""A unit's own name, its leader's, and the questions about itself that others answer."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pioreactor.exc import ConfigurationError, NotAssignedAnExperimentError
from pioreactor.types import Experiment, Unit

_SHIPPED_HOSTNAME = "raspberrypi"
_NAME = re.compile(r"[A-Za-z0-9_-]+")


class Inventory(Protocol):
    """What the leader knows about units."""

    def experiment(self, unit: str) -> Experiment:
        """Return the assigned experiment; raise `NotAssignedAnExperimentError` when there is none."""
        ...

    def is_worker(self, unit: str) -> bool: ...

    def is_active(self, unit: str) -> bool:
        """Say whether a worker may run jobs; False for a unit that is no worker."""
        ...

    def model(self, unit: str) -> tuple[str, str] | None:
        """Return (model name, model version), None when no model was chosen."""
        ...


@dataclass(frozen=True)
class UnitIdentity:
    """This unit."""

    unit: Unit
    leader_hostname: str
    """Blank until the cluster has a leader."""
    inventory: Inventory
    own_model: Callable[[], tuple[str, str] | None] = lambda: None
    """Returns the model that this unit keeps itself, None when it keeps none."""

    @property
    def is_leader(self) -> bool:
        return self.unit == self.leader_hostname

    def experiment(self) -> Experiment:
        """Return the experiment assigned to this unit; raise `NotAssignedAnExperimentError` when there is none."""
        return self.inventory.experiment(self.unit)

    def is_worker(self) -> bool:
        return self.inventory.is_worker(self.unit)

    def is_active(self) -> bool:
        return self.inventory.is_active(self.unit)

    def model(self) -> tuple[str, str] | None:
        """Return (model name, model version): the unit's own, else what the inventory lists; None for neither."""
        own = self.own_model()
        return own if own is not None else self.inventory.model(self.unit)


@dataclass(frozen=True)
class FixedInventory:
    """One answer for every unit: a reactor on a desk, a simulation, a test."""

    assigned: Experiment | None = None
    active: bool = True
    chosen_model: tuple[str, str] | None = None

    def experiment(self, unit: str) -> Experiment:
        if self.assigned is None:
            raise NotAssignedAnExperimentError(f"{unit} is not assigned to an experiment")
        return self.assigned

    def is_worker(self, unit: str) -> bool:  # noqa: ARG002  the port's signature
        return True

    def is_active(self, unit: str) -> bool:  # noqa: ARG002  the port's signature
        return self.active

    def model(self, unit: str) -> tuple[str, str] | None:  # noqa: ARG002  the port's signature
        return self.chosen_model


def unit_name(environment: Mapping[str, str], *, hostname: str | None = None) -> Unit:
    """Return the unit's name: `HOSTNAME` of the environment, else the machine's name without its domain.

    Raise `ConfigurationError` for `raspberrypi` (every fresh card has it: two units would answer to one name), and
    for a name that cannot be a level of a topic.
    """
    given = environment.get("HOSTNAME", "")
    name = (given if given else hostname if hostname is not None else os.uname().nodename).split(".")[0]
    if name == _SHIPPED_HOSTNAME:
        raise ConfigurationError(
            f"the name {name} is what every new Raspberry Pi is called", remedy="Give this machine a name of its own."
        )
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} cannot be the name of a unit", remedy="Use letters, digits, hyphens and underscores."
        )
    return Unit(name)
