"""Which worker belongs to which experiment, at most one each, with the history kept; and its label there."""

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, delete, insert, select, update

from pioreactor.exc import ConflictError, NotFoundError, NoWorkerFoundError
from pioreactor.storage.leader.repositories.context import Access, change, exists, fetch
from pioreactor.storage.leader.schema.tables import assignments, assignments_history, experiments, unit_labels, workers


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


_COLUMNS = (
    workers.c.pioreactor_unit,
    assignments.c.experiment,
    assignments.c.assigned_at,
    workers.c.is_active,
    workers.c.model_name,
    workers.c.model_version,
)


def _query(*, with_unassigned: bool) -> Select[tuple[str, str | None, str | None, int, str | None, str | None]]:
    joined = workers.join(
        assignments, workers.c.pioreactor_unit == assignments.c.pioreactor_unit, isouter=with_unassigned
    )
    return select(*_COLUMNS).select_from(joined).order_by(workers.c.pioreactor_unit)


class Assignments:
    """Ordered by the workers' names."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self) -> list[Assignment]:
        """Return every worker, those without an experiment as well."""
        return self._select(_query(with_unassigned=True))

    def of_experiment(self, experiment: str) -> list[Assignment]:
        return self._select(_query(with_unassigned=False).where(assignments.c.experiment == experiment))

    def of_unit(self, unit: str) -> Assignment:
        """Raises `NoWorkerFoundError` for an unknown worker; one without an experiment has None."""
        found = self._select(_query(with_unassigned=True).where(workers.c.pioreactor_unit == unit))
        if not found:
            raise NoWorkerFoundError(f"the cluster has no worker {unit!r}")
        return found[0]

    def experiment_of(self, unit: str) -> str | None:
        """Return the experiment of a worker; None for one without, and for what is no worker."""
        rows = self._access.rows(select(assignments.c.experiment).where(assignments.c.pioreactor_unit == unit))
        return str(rows[0][0]) if rows else None

    def history(self, experiment: str) -> list[PastAssignment]:
        """Return the assignments of an experiment, newest first."""
        history = assignments_history.c
        rows = self._access.rows(
            select(history.pioreactor_unit, history.experiment, history.assigned_at, history.unassigned_at)
            .where(history.experiment == experiment)
            .order_by(history.assigned_at.desc(), history.pioreactor_unit)
        )
        return [PastAssignment(*row) for row in rows]

    def assign(self, unit: str, experiment: str) -> Reassignment:
        """Move a worker to an experiment; assigning it twice changes nothing.

        Raises `NoWorkerFoundError` or `NotFoundError`.
        """
        at = self._access.timestamp()
        with self._access.writing() as connection:
            if not exists(connection, select(workers).where(workers.c.pioreactor_unit == unit)):
                raise NoWorkerFoundError(f"the cluster has no worker {unit!r}")
            if not exists(connection, select(experiments).where(experiments.c.experiment == experiment)):
                raise NotFoundError(f"there is no experiment {experiment!r}")
            current = _assigned(connection, unit=unit)
            if current and current[0][1] == experiment:
                return Reassignment(unit, experiment, experiment, current[0][2])
            end_assignments(connection, at=at, unit=unit)
            change(connection, insert(assignments).values(pioreactor_unit=unit, experiment=experiment, assigned_at=at))
        return Reassignment(unit, current[0][1] if current else None, experiment, at)

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
        return [Reassignment(name, assigned, None, None) for name, assigned in ended]

    def _select(
        self, query: Select[tuple[str, str | None, str | None, int, str | None, str | None]]
    ) -> list[Assignment]:
        return [Assignment(*row) for row in self._access.rows(query)]


def _assigned(
    connection: Connection, *, unit: str | None = None, experiment: str | None = None
) -> list[tuple[str, str, str]]:
    conditions: list[ColumnElement[bool]] = []
    if unit is not None:
        conditions.append(assignments.c.pioreactor_unit == unit)
    if experiment is not None:
        conditions.append(assignments.c.experiment == experiment)
    columns = (assignments.c.pioreactor_unit, assignments.c.experiment, assignments.c.assigned_at)
    rows = fetch(connection, select(*columns).where(*conditions).order_by(assignments.c.pioreactor_unit))
    return [(name, assigned, since) for name, assigned, since in rows]


def end_assignments(
    connection: Connection, *, at: str, unit: str | None = None, experiment: str | None = None
) -> list[tuple[str, str]]:
    """End the assignments of a unit, of an experiment, or all; return (unit, experiment) of each.

    The end is written here with the caller's time; the trigger only fills what others leave open.
    """
    found = _assigned(connection, unit=unit, experiment=experiment)
    history = assignments_history.c
    for name, assigned, _ in found:
        is_open = (history.pioreactor_unit == name, history.experiment == assigned, history.unassigned_at.is_(None))
        change(connection, update(assignments_history).where(*is_open).values(unassigned_at=at))
        change(connection, delete(assignments).where(assignments.c.pioreactor_unit == name))
    return [(name, assigned) for name, assigned, _ in found]


class UnitLabels:
    def __init__(self, access: Access) -> None:
        self._access = access

    def of_experiment(self, experiment: str) -> dict[str, str]:
        """Return unit → label."""
        query = select(unit_labels.c.pioreactor_unit, unit_labels.c.label)
        of_experiment = query.where(unit_labels.c.experiment == experiment)
        return dict(self._access.rows(of_experiment.order_by(unit_labels.c.pioreactor_unit)))

    def current(self) -> dict[str, str]:
        """Return unit → its label in the experiment it is assigned to."""
        is_assigned = and_(
            unit_labels.c.pioreactor_unit == assignments.c.pioreactor_unit,
            unit_labels.c.experiment == assignments.c.experiment,
        )
        query = select(unit_labels.c.pioreactor_unit, unit_labels.c.label).join(assignments, is_assigned)
        return dict(self._access.rows(query.order_by(unit_labels.c.pioreactor_unit)))

    def set(self, experiment: str, unit: str, label: str) -> None:
        """Name a unit; an empty label removes it.

        Raises `NotFoundError` for an unknown experiment, `ConflictError` when another unit has that label.
        """
        label = label.strip()
        with self._access.writing() as connection:
            if not exists(connection, select(experiments).where(experiments.c.experiment == experiment)):
                raise NotFoundError(f"there is no experiment {experiment!r}")
            others = fetch(
                connection,
                select(unit_labels.c.pioreactor_unit).where(
                    unit_labels.c.experiment == experiment,
                    unit_labels.c.label == label,
                    unit_labels.c.pioreactor_unit != unit,
                ),
            )
            if others and label:
                raise ConflictError(f"{others[0][0]} is already called {label!r} in {experiment!r}")
            is_of_unit = (unit_labels.c.experiment == experiment, unit_labels.c.pioreactor_unit == unit)
            change(connection, delete(unit_labels).where(*is_of_unit))
            if label:
                values = {"experiment": experiment, "pioreactor_unit": unit, "label": label}
                change(connection, insert(unit_labels).values(**values, created_at=self._access.timestamp()))
