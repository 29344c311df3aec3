"""What people call a unit during an experiment."""

from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.storage.leader.repository_context import Access, change, fetch


class UnitLabels:
    def __init__(self, access: Access) -> None:
        self._access = access

    def of_experiment(self, experiment: str) -> dict[str, str]:
        """Return unit → label."""
        return dict(
            self._access.rows(
                "SELECT pioreactor_unit, label FROM pioreactor_unit_labels WHERE experiment = :experiment "
                "ORDER BY pioreactor_unit",
                experiment=experiment,
            )
        )

    def current(self) -> dict[str, str]:
        """Return unit → its label in the experiment it is assigned to."""
        return dict(
            self._access.rows(
                "SELECT pioreactor_unit, label FROM pioreactor_unit_labels "
                "JOIN experiment_worker_assignments USING (pioreactor_unit, experiment) ORDER BY pioreactor_unit"
            )
        )

    def set(self, experiment: str, unit: str, label: str) -> None:
        """Name a unit; an empty label removes it.

        Raises `NotFoundError` for an unknown experiment, `ConflictError` when another unit has that label.
        """
        label = label.strip()
        with self._access.writing() as connection:
            if not fetch(connection, "SELECT 1 FROM experiments WHERE experiment = :name", name=experiment):
                raise NotFoundError(f"there is no experiment {experiment!r}")
            others = fetch(
                connection,
                "SELECT pioreactor_unit FROM pioreactor_unit_labels "
                "WHERE experiment = :experiment AND label = :label AND pioreactor_unit <> :unit",
                experiment=experiment,
                label=label,
                unit=unit,
            )
            if others and label:
                raise ConflictError(f"{others[0][0]} is already called {label!r} in {experiment!r}")
            change(
                connection,
                "DELETE FROM pioreactor_unit_labels WHERE experiment = :experiment AND pioreactor_unit = :unit",
                experiment=experiment,
                unit=unit,
            )
            if label:
                change(
                    connection,
                    "INSERT INTO pioreactor_unit_labels (experiment, pioreactor_unit, label, created_at) "
                    "VALUES (:experiment, :unit, :label, :at)",
                    experiment=experiment,
                    unit=unit,
                    label=label,
                    at=self._access.timestamp(),
                )
