"""Which worker belongs to which experiment: at most one each, with the history kept."""

import msgspec
from sqlalchemy import Connection

from pioreactor.exc import NotFoundError, NoWorkerFoundError
from pioreactor.storage.leader.repository_context import Access, change, fetch


class Assignment(msgspec.Struct, frozen=True):
    """`experiment` and `assigned_at` are None for a worker without one."""

    pioreactor_unit: str
    experiment: str | None
    assigned_at: str | None
    is_active: int
    model_name: str | None
    model_version: str | None


class Reassignment(msgspec.Struct, frozen=True):
    """What an assignment changed: jobs of `previous` are to be stopped when it is another experiment."""

    pioreactor_unit: str
    previous: str | None
    experiment: str | None
    assigned_at: str | None


class PastAssignment(msgspec.Struct, frozen=True):
    pioreactor_unit: str
    experiment: str
    assigned_at: str
    unassigned_at: str | None


_ALL = (
    "SELECT w.pioreactor_unit, a.experiment, a.assigned_at, w.is_active, w.model_name, w.model_version "
    "FROM workers w {join} experiment_worker_assignments a USING (pioreactor_unit)"
)


class Assignments:
    """Ordered by the workers' names."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self) -> list[Assignment]:
        """Return every worker, those without an experiment as well."""
        return self._select(_ALL.format(join="LEFT JOIN") + " ORDER BY w.pioreactor_unit")

    def of_experiment(self, experiment: str) -> list[Assignment]:
        return self._select(
            _ALL.format(join="JOIN") + " WHERE a.experiment = :experiment ORDER BY w.pioreactor_unit",
            experiment=experiment,
        )

    def of_unit(self, unit: str) -> Assignment:
        """Raises `NoWorkerFoundError` for an unknown worker; one without an experiment has None."""
        found = self._select(_ALL.format(join="LEFT JOIN") + " WHERE w.pioreactor_unit = :unit", unit=unit)
        if not found:
            raise NoWorkerFoundError(f"the cluster has no worker {unit!r}")
        return found[0]

    def history(self, experiment: str) -> list[PastAssignment]:
        """Return who was assigned from when to when, newest first."""
        rows = self._access.rows(
            "SELECT pioreactor_unit, experiment, assigned_at, unassigned_at FROM experiment_worker_assignments_history "
            "WHERE experiment = :experiment ORDER BY assigned_at DESC, pioreactor_unit",
            experiment=experiment,
        )
        return [PastAssignment(*row) for row in rows]

    def assign(self, unit: str, experiment: str) -> Reassignment:
        """Move a worker to an experiment; saying it twice changes nothing.

        Raises `NoWorkerFoundError` or `NotFoundError`.
        """
        at = self._access.timestamp()
        with self._access.writing() as connection:
            if not fetch(connection, "SELECT 1 FROM workers WHERE pioreactor_unit = :unit", unit=unit):
                raise NoWorkerFoundError(f"the cluster has no worker {unit!r}")
            if not fetch(connection, "SELECT 1 FROM experiments WHERE experiment = :name", name=experiment):
                raise NotFoundError(f"there is no experiment {experiment!r}")
            present = _assigned(connection, unit=unit)
            if present and present[0][1] == experiment:
                return Reassignment(unit, experiment, experiment, present[0][2])
            end_assignments(connection, at=at, unit=unit)
            change(
                connection,
                "INSERT INTO experiment_worker_assignments (pioreactor_unit, experiment, assigned_at) "
                "VALUES (:unit, :experiment, :at)",
                unit=unit,
                experiment=experiment,
                at=at,
            )
        return Reassignment(unit, present[0][1] if present else None, experiment, at)

    def unassign(self, unit: str, *, experiment: str | None = None) -> Reassignment:
        """Raises `NotFoundError` when the worker is not assigned (to that experiment)."""
        ended = self._end(unit=unit, experiment=experiment)
        if not ended:
            raise NotFoundError(
                f"{unit} is not assigned to {experiment if experiment is not None else 'any experiment'}"
            )
        return ended[0]

    def end_experiment(self, experiment: str) -> list[Reassignment]:
        """Unassign every worker of an experiment; its data stay."""
        return self._end(experiment=experiment)

    def end_all(self) -> list[Reassignment]:
        return self._end()

    def _end(self, *, unit: str | None = None, experiment: str | None = None) -> list[Reassignment]:
        with self._access.writing() as connection:
            ended = end_assignments(connection, at=self._access.timestamp(), unit=unit, experiment=experiment)
        return [Reassignment(who, what, None, None) for who, what in ended]

    def _select(self, sql: str, **parameters: str) -> list[Assignment]:
        return [Assignment(*row) for row in self._access.rows(sql, **parameters)]


def _assigned(
    connection: Connection, *, unit: str | None = None, experiment: str | None = None
) -> list[tuple[str, str, str]]:
    rows = fetch(
        connection,
        "SELECT pioreactor_unit, experiment, assigned_at FROM experiment_worker_assignments "
        "WHERE (:unit IS NULL OR pioreactor_unit = :unit) AND (:experiment IS NULL OR experiment = :experiment) "
        "ORDER BY pioreactor_unit",
        unit=unit,
        experiment=experiment,
    )
    return [(who, what, since) for who, what, since in rows]


def end_assignments(
    connection: Connection, *, at: str, unit: str | None = None, experiment: str | None = None
) -> list[tuple[str, str]]:
    """End the assignments of a unit, of an experiment, or all; return (unit, experiment) of each.

    The end is written here with the caller's time; the trigger only fills what others leave open.
    """
    found = _assigned(connection, unit=unit, experiment=experiment)
    for who, what, _ in found:
        change(
            connection,
            "UPDATE experiment_worker_assignments_history SET unassigned_at = :at "
            "WHERE pioreactor_unit = :who AND experiment = :what AND unassigned_at IS NULL",
            at=at,
            who=who,
            what=what,
        )
        change(connection, "DELETE FROM experiment_worker_assignments WHERE pioreactor_unit = :who", who=who)
    return [(who, what) for who, what, _ in found]
