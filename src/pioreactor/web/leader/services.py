"""Services that the routes of the leader use, and requests to its units."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from pioreactor.audit.signed_trail import HeadSigning, SignedAuditTrail
from pioreactor.cluster import config_delivery, own_config_delivery
from pioreactor.cluster.config_delivery import ConfigDelivery
from pioreactor.cluster.delivery_records import DeliveryRecords
from pioreactor.cluster.own_config_delivery import OwnConfigDelivery
from pioreactor.cluster.pairing_protocol import Waiting
from pioreactor.exc import InvalidRequestError, NotAssignedAnExperimentError, PioreactorError
from pioreactor.http.fanout import Answered, Failed, UnitReport, ask_each, report
from pioreactor.http.units import Units
from pioreactor.messaging.ports import Bus
from pioreactor.processes.launch import pio_argv
from pioreactor.settings.followed_files import FollowedSettings
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.repositories.workers import Worker
from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER
from pioreactor.web.leader.export_runner import ExportRunner
from pioreactor.web.leader.import_progress import ImportWatch
from pioreactor.web.leader.rehearsal_runner import RehearsalRunner
from pioreactor.web.request_bodies import unit_name
from pioreactor.web.tasks import Accepted, TaskFailedError
from pioreactor.web.unit.configuration import read_text
from pioreactor.web.unit.services import UnitServices

INTERRUPTED = "The web server was restarted before the rehearsal had ended."
OWN_CONFIG = "/unit_api/config/specific"


class NoMatchingUnitError(PioreactorError):
    """No unit matches the request."""

    code = "no_unit"
    status = 404


@dataclass(frozen=True, slots=True)
class OwnConfigFiles:
    """The units' own configuration, read and written by their web servers."""

    units: Units

    def read(self, unit: str) -> str:
        return self.units.fetch(unit, "GET", OWN_CONFIG).body.decode("utf-8", errors="replace")

    def write(self, unit: str, text: str) -> None:
        self.units.fetch(unit, "PATCH", OWN_CONFIG, json={"code": text})


@dataclass
class LeaderServices:
    """Ports of the cluster."""

    unit: UnitServices
    database: LeaderDatabase
    bus: Bus
    units: Units
    address_of: Callable[[str], str]
    """Returns the configured address of a unit; empty if there is none."""
    find_waiting: Callable[[str | None], list[Waiting]] = lambda _: []
    """Searches the network for machines that wait to join, or for the one of a name."""
    exports: ExportRunner = field(init=False)
    rehearsals: RehearsalRunner = field(init=False)
    act_rehearsals: RehearsalRunner = field(init=False)
    """Of acts that agents propose: short, and beside those that people start."""
    imports: ImportWatch = field(default_factory=ImportWatch, init=False)
    config_delivery: ConfigDelivery = field(init=False)
    own_config_delivery: OwnConfigDelivery = field(init=False)
    audit_trail: SignedAuditTrail = field(init=False)
    settings: FollowedSettings = field(init=False)
    """As the files are now, for what may change while the server runs."""

    def __post_init__(self) -> None:
        launcher, paths = self.unit.launcher, self.unit.paths
        self.settings = FollowedSettings(paths.global_config, paths.local_config, self.unit.runtime.settings)
        signing = HeadSigning(paths.secrets)
        spool, now = paths.audit_spool, self.unit.clock.now
        self.audit_trail = SignedAuditTrail(self.database.audit, signing, now, spool=spool)
        self.exports = ExportRunner(launcher.command, launcher.environment, self.unit.tasks.pause)
        self.rehearsals, self.act_rehearsals = (
            RehearsalRunner(pio_argv("rehearse"), launcher.environment, self.unit.tasks.pause) for _ in range(2)
        )
        self.config_delivery = ConfigDelivery(
            read=lambda: read_text(paths.global_config),
            history=self.database.config_history,
            workers=lambda: [unit for unit in self.workers_of(UNIVERSAL_IDENTIFIER) if unit != self.unit.name],
            ask=lambda units, method, path, json: self.ask_all(units, method, path, json=json),
            records=self._delivery_records("the shared configuration", config_delivery.CACHE),
        )
        self.own_config_delivery = OwnConfigDelivery(
            history=self.database.config_history,
            units=lambda: self.units_of(UNIVERSAL_IDENTIFIER),
            files=OwnConfigFiles(self.units),
            records=self._delivery_records("its own configuration", own_config_delivery.CACHE),
        )

    def end_interrupted(self) -> None:
        """End what an earlier server had begun: rehearsals of proposals, and archives that were sent to be imported.

        Call it once, before requests are answered. A rehearsal of a profile keeps its result by itself; an import that
        is repeated continues.
        """
        self.database.proposals.interrupt_rehearsals(INTERRUPTED)
        for archive in (self.unit.paths.storage / "imports" / "received").glob("experiment-*.zip"):
            archive.unlink(missing_ok=True)

    def _delivery_records(self, what: str, cache: str) -> DeliveryRecords:
        return DeliveryRecords(
            what, cache=self.unit.stores.persistent(cache), now=self.unit.clock.now, seconds=monotonic
        )

    def workers_of(self, unit: str) -> list[str]:
        """Return the registered worker of that name, or all of them for `$broadcast`."""
        names = [row.pioreactor_unit for row in self.database.workers.all()]
        return self._pick(unit, names)

    def units_of(self, unit: str) -> list[str]:
        """Return the unit of that name, or all workers and the leader for `$broadcast`."""
        names = [row.pioreactor_unit for row in self.database.workers.all()]
        return self._pick(unit, sorted({*names, self.unit.name}))

    def _pick(self, unit: str, names: list[str]) -> list[str]:
        if unit == UNIVERSAL_IDENTIFIER:
            return names
        if unit_name(unit) not in names:
            raise InvalidRequestError(f"{unit} is not a unit of this cluster", remedy="Add it in the inventory.")
        return [unit]

    def active_workers_in(self, unit: str, experiment: str) -> list[Worker]:
        """Return the active workers of the experiment; raise `NoMatchingUnitError` when there is none.

        A leader that is not a worker may be named too: profiles and other jobs of the leader run there.
        """
        wanted = set(self.units_of(unit))
        all_experiments = experiment == UNIVERSAL_EXPERIMENT
        members = self.members_of(experiment)
        found = [row for row in self.database.workers.active() if row.pioreactor_unit in wanted]
        if not all_experiments:
            found = [row for row in found if row.pioreactor_unit in members]
        if unit == self.unit.name and not self._is_worker(unit):
            return [Worker(unit, "", 1, None, None)]
        if not found:
            assigned = "" if all_experiments else f" and assigned to {experiment}"
            raise NoMatchingUnitError(
                f"no worker is active{assigned}" if unit == UNIVERSAL_IDENTIFIER else f"{unit} is not active{assigned}",
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

    def workers_ever_in(self, experiment: str) -> list[str]:
        """Return the workers of the cluster that are, or ever were, assigned to an experiment."""
        ever = {row.pioreactor_unit for row in self.database.assignments.history(experiment)}
        ever |= set(self.members_of(experiment))
        return [row.pioreactor_unit for row in self.database.workers.all() if row.pioreactor_unit in ever]

    def ask_all(
        self,
        units: Iterable[str],
        method: str,
        path: str | Callable[[str], str],
        *,
        json: object | Callable[[str], object] = None,
        timeout_s: float = 5.0,
    ) -> list[Answered[object] | Failed]:
        """Send a request to each unit and wait for all; `path` and `json` may be functions of the unit's name."""

        def ask(unit: str) -> object:
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
        json: object | Callable[[str], object] = None,
        timeout_s: float = 5.0,
    ) -> Accepted:
        """Send requests in the background; the task's result holds the answer of each unit.

        The task fails when every unit that was asked refused; its result then holds the refusals.
        """
        asked = list(units)
        return self.unit.tasks.start(
            name,
            lambda: reported(self.ask_all(asked, method, path, json=json, timeout_s=timeout_s)),
            pool="requests",
        )


def reported(answers: Sequence[Answered[object] | Failed]) -> dict[str, UnitReport]:
    """Return the report of each unit; raise `TaskFailedError` when all of them failed."""
    failed = [answer for answer in answers if isinstance(answer, Failed)]
    if failed and len(failed) == len(answers):
        only = failed[0]
        message = only.message if len(failed) == 1 else "; ".join(f"{each.unit}: {each.message}" for each in failed)
        raise TaskFailedError(message, status=only.status_code, remedy=only.remediation, result=report(answers))
    return report(answers)


LeaderPorts = NamedDependency[SkipValidation[LeaderServices]]
"""Type of the injected argument `leader` of a route."""
