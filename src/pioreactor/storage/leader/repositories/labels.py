"""Labels of units within an experiment."""

from sqlalchemy import and_, delete, insert, select

from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.storage.leader.repositories.context import Access, change, exists, fetch
from pioreactor.storage.leader.schema.tables import assignments, experiments, unit_labels


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
