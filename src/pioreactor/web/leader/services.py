"""What the routes of the leader work with, and how it asks its units."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from pioreactor.exc import InvalidRequestError, NotAssignedAnExperimentError, PioreactorError
from pioreactor.http.fanout import Answered, Failed, ask_each, report
from pioreactor.http.units import Units
from pioreactor.messaging.ports import Bus
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.workers import Worker
from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER
from pioreactor.web.request_bodies import unit_name
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitServices


class NoMatchingUnitError(PioreactorError):
    """No unit fits what was asked for."""

    code = "no_unit"
    status = 404


@dataclass
class LeaderServices:
    """The cluster's ports, as the leader's API needs them."""

    unit: UnitServices
    database: LeaderDatabase
    bus: Bus
    units: Units
    address_of: Callable[[str], str]
    """The configured address of a unit, empty where there is none."""

    def workers_of(self, unit: str) -> list[str]:
        """Return the registered worker of that name, or all of them for `$broadcast`."""
        names = [row.pioreactor_unit for row in self.database.workers.all()]
        return self._pick(unit, names)

    def units_of(self, unit: str) -> list[str]:
        """Return workers and the leader itself for `$broadcast`, else the one that is named."""
        names = [row.pioreactor_unit for row in self.database.workers.all()]
        return self._pick(unit, sorted({*names, self.unit.name}))

    def _pick(self, unit: str, names: list[str]) -> list[str]:
        if unit == UNIVERSAL_IDENTIFIER:
            return names
        if unit_name(unit) not in names:
            raise InvalidRequestError(f"{unit} is not a unit of this cluster", remedy="Add it in the inventory.")
        return [unit]

    def active_workers_in(self, unit: str, experiment: str) -> list[Worker]:
        """Return the active workers that belong to the experiment; `NoMatchingUnitError` when there is none.

        A leader that is no worker may be named too: profiles and other jobs of the leader run there.
        """
        wanted = set(self.units_of(unit))
        everybody = experiment == UNIVERSAL_EXPERIMENT
        members = self.members_of(experiment)
        found = [row for row in self.database.workers.active() if row.pioreactor_unit in wanted]
        if not everybody:
            found = [row for row in found if row.pioreactor_unit in members]
        if unit == self.unit.name and not self._is_worker(unit):
            return [Worker(unit, "", 1, None, None)]
        if not found:
            who = "no worker" if unit == UNIVERSAL_IDENTIFIER else unit
            where = "" if everybody else f" and assigned to {experiment}"
            raise NoMatchingUnitError(
                f"{who} is active{where}" if who == "no worker" else f"{who} is not active{where}",
                remedy="Assign the unit to the experiment, and activate it in the inventory.",
            )
        return found

    def _is_worker(self, unit: str) -> bool:
        return any(row.pioreactor_unit == unit for row in self.database.workers.all())

    def workers_in(self, unit: str, experiment: str) -> list[str]:
        """Return the worker of that name (or all, for `$broadcast`) that belong to the experiment.

        Raise `NotAssignedAnExperimentError` when there is none.
        """
        units = self.workers_of(unit)
        if experiment == UNIVERSAL_EXPERIMENT:
            return units
        members = set(self.members_of(experiment))
        found = [name for name in units if name in members]
        if not found:
            raise NotAssignedAnExperimentError(f"{unit} is not assigned to {experiment}")
        return found

    def members_of(self, experiment: str) -> list[str]:
        """Return the workers that are assigned to an experiment."""
        return [row.pioreactor_unit for row in self.database.assignments.of_experiment(experiment)]

    def ask_all(
        self,
        units: Iterable[str],
        method: str,
        path: str | Callable[[str], str],
        *,
        json: Any | Callable[[str], Any] = None,
        timeout_s: float = 5.0,
    ) -> list[Answered[Any] | Failed]:
        """Ask each unit the same (or what a function of its name says) and wait for all."""

        def ask(unit: str) -> Any:
            return self.units.ask(
                unit,
                method,
                path(unit) if callable(path) else path,
                json=json(unit) if callable(json) else json,
                timeout_s=timeout_s,
            )

        return ask_each(units, ask)

    def start_asking(
        self,
        name: str,
        units: Iterable[str],
        method: str,
        path: str | Callable[[str], str],
        *,
        json: Any | Callable[[str], Any] = None,
        timeout_s: float = 5.0,
    ) -> Accepted:
        """Ask in the background; the task's result says for each unit what it answered."""
        asked = list(units)
        return self.unit.tasks.start(
            name,
            lambda: report(self.ask_all(asked, method, path, json=json, timeout_s=timeout_s)),
            pool="requests",
        )


LeaderPorts = NamedDependency[SkipValidation[LeaderServices]]
"""How a route asks for them, as its argument `leader`."""
