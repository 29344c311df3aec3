"""Experiments: their names, descriptions and tags."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from pioreactor import measurements
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.storage.leader.assignments import end_assignments
from pioreactor.storage.leader.repository_context import Access, change, fetch
from pioreactor.storage.leader.tables import STREAM_TABLES, tables_with_experiment
from pioreactor.structs.encoding import from_timestamp

LONGEST_NAME: Final = 199
_FORBIDDEN: Final = "#$%+/\\"
_DELETED_AT_ONCE: Final = 5000
"""Rows per transaction: measurements of other experiments are written in between."""


class Experiment(msgspec.Struct, frozen=True):
    """`delta_hours`: its age [h]."""

    experiment: str
    created_at: str
    description: str | None
    delta_hours: float
    worker_count: int
    tags: list[str]


class AssignmentCount(msgspec.Struct, frozen=True):
    experiment: str
    worker_count: int


def check_experiment_name(name: str) -> str:
    """Return the name without blanks around it; raise `InvalidRequestError` when topics or URLs cannot carry it."""
    name = name.strip()
    if not name:
        raise InvalidRequestError("an experiment needs a name")
    if len(name) > LONGEST_NAME:
        raise InvalidRequestError(f"the experiment's name is longer than {LONGEST_NAME} characters")
    if name == "current" or name.startswith("_testing"):
        raise InvalidRequestError(f"{name!r} is reserved", remedy="Choose another name.")
    if any(character in _FORBIDDEN or not character.isprintable() for character in name):
        raise InvalidRequestError(f"an experiment's name cannot contain any of {' '.join(_FORBIDDEN)}")
    return name


def tidy_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags trimmed, without empty ones, the first of each spelling."""
    found: dict[str, str] = {}
    for tag in tags:
        if tag.strip():
            found.setdefault(tag.strip().casefold(), tag.strip())
    return list(found.values())


class Experiments:
    """Newest first, wherever there are several."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self) -> list[Experiment]:
        return self._select("")

    def active(self) -> list[Experiment]:
        """Return the experiments that have at least one worker."""
        return self._select("WHERE e.experiment IN (SELECT experiment FROM experiment_worker_assignments)")

    def latest(self) -> Experiment | None:
        found = self._select("", limit="LIMIT 1")
        return found[0] if found else None

    def get(self, experiment: str) -> Experiment:
        found = self._select("WHERE e.experiment = :experiment", experiment=experiment)
        if not found:
            raise _missing(experiment)
        return found[0]

    def assignment_count(self) -> list[AssignmentCount]:
        """Return how many workers each active experiment has."""
        rows = self._access.rows(
            "SELECT experiment, COUNT(*) FROM experiment_worker_assignments GROUP BY experiment ORDER BY experiment"
        )
        return [AssignmentCount(*row) for row in rows]

    def create(self, experiment: str, *, description: str | None = None, tags: Iterable[str] = ()) -> Experiment:
        """Raises `InvalidRequestError` for a bad name, `ConflictError` when there is one of that name."""
        name = check_experiment_name(experiment)
        at = self._access.timestamp()
        with self._access.writing() as connection:
            if fetch(connection, "SELECT 1 FROM experiments WHERE experiment = :name", name=name):
                raise ConflictError(f"there is already an experiment {name!r}", remedy="Choose another name.")
            change(
                connection,
                "INSERT INTO experiments (experiment, created_at, description) VALUES (:name, :at, :description)",
                name=name,
                at=at,
                description=description,
            )
            for tag in tidy_tags(tags):
                change(connection, "INSERT INTO experiment_tags VALUES (:name, :tag, :at)", name=name, tag=tag, at=at)
        return self.get(name)

    def update(
        self,
        experiment: str,
        *,
        description: str | UnsetType | None = UNSET,
        tags: Iterable[str] | UnsetType | None = UNSET,
    ) -> Experiment:
        """Change what is given; None clears. Raises `InvalidRequestError` when nothing is given."""
        if description is UNSET and tags is UNSET:
            raise InvalidRequestError("nothing to change: give a description or tags")
        with self._access.writing() as connection:
            if not fetch(connection, "SELECT 1 FROM experiments WHERE experiment = :name", name=experiment):
                raise _missing(experiment)
            if description is not UNSET:
                change(
                    connection,
                    "UPDATE experiments SET description = :description WHERE experiment = :name",
                    description=description,
                    name=experiment,
                )
            if not isinstance(tags, UnsetType):
                change(connection, "DELETE FROM experiment_tags WHERE experiment = :name", name=experiment)
                at = self._access.timestamp()
                for tag in tidy_tags(tags if tags is not None else ()):
                    change(
                        connection,
                        "INSERT INTO experiment_tags (experiment, tag, created_at) VALUES (:name, :tag, :at)",
                        name=experiment,
                        tag=tag,
                        at=at,
                    )
        return self.get(experiment)

    def delete(self, experiment: str) -> int:
        """Delete an experiment and every row of it; return how many rows that were.

        Done in small steps, so that measurements are still written. When interrupted, the experiment is there with
        what is left of it, and can be deleted again. The history of assignments is kept.
        """
        self.get(experiment)
        measured = [*(table.name for table in STREAM_TABLES), *self._plugin_tables()]
        deleted = sum(self._delete_rows(table, experiment) for table in measured)
        with self._access.writing() as connection:
            end_assignments(connection, at=self._access.timestamp(), experiment=experiment)
            for table in (*tables_with_experiment(), "experiments"):
                sql = f"DELETE FROM {table} WHERE experiment = :experiment"
                deleted += change(connection, sql, experiment=experiment)
        return deleted

    def _plugin_tables(self) -> list[str]:
        """Return the tables of the measurements of plugins that exist and hold the experiment of each row."""
        names = [spec.table.name for spec in measurements.registered_specs()]
        sql = "SELECT 1 FROM pragma_table_info(:table) WHERE name = 'experiment'"
        with self._access.reading() as connection:
            return [name for name in names if fetch(connection, sql, table=name)]

    def _delete_rows(self, table: str, experiment: str) -> int:
        with self._access.reading() as connection:
            columns = fetch(connection, f"SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk")
        key = ", ".join(name for (name,) in columns) or "rowid"
        total = 0
        while True:
            with self._access.writing() as connection:
                deleted = change(
                    connection,
                    f"DELETE FROM {table} WHERE ({key}) IN "
                    f"(SELECT {key} FROM {table} WHERE experiment = :experiment LIMIT {_DELETED_AT_ONCE})",
                    experiment=experiment,
                )
            total += deleted
            if deleted < _DELETED_AT_ONCE:
                return total

    def _select(self, where: str, *, limit: str = "", **parameters: str) -> list[Experiment]:
        with self._access.reading() as connection:
            rows = fetch(
                connection,
                "SELECT e.experiment, e.created_at, e.description, (SELECT COUNT(*) FROM experiment_worker_assignments "
                f"a WHERE a.experiment = e.experiment) FROM experiments e {where} "
                f"ORDER BY e.created_at DESC, e.rowid DESC {limit}",
                **parameters,
            )
            tags: dict[str, list[str]] = {}
            for experiment, tag in fetch(
                connection, "SELECT experiment, tag FROM experiment_tags ORDER BY created_at, tag COLLATE NOCASE"
            ):
                tags.setdefault(experiment, []).append(tag)
        now = self._access.now()
        return [
            Experiment(name, created_at, description, _age_hours(created_at, now), count, tags.get(name, []))
            for name, created_at, description, count in rows
        ]


def _age_hours(created_at: str, now: datetime) -> float:
    return round((now - from_timestamp(created_at)).total_seconds() / 3600, 2)


def _missing(experiment: str) -> NotFoundError:
    return NotFoundError(f"there is no experiment {experiment!r}")
