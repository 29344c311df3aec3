"""Experiments: their names, descriptions and tags."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Select,
    Table,
    Update,
    delete,
    func,
    insert,
    inspect,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.expression import TableClause, column, table

from pioreactor import measurements, topics
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.storage.leader.repositories.assignments import end_assignments
from pioreactor.storage.leader.repositories.context import Access, change, exists, fetch
from pioreactor.storage.leader.schema import METADATA
from pioreactor.storage.leader.schema.dialect import insertion_order
from pioreactor.storage.leader.schema.streams import STREAM_TABLES
from pioreactor.storage.leader.schema.tables import (
    assignments,
    audit_trail,
    experiment_tags,
    experiments,
    rollup_changes,
    rollup_series,
)
from pioreactor.structs.encoding import from_timestamp

_CHANGED_AT_ONCE: Final = 5000
"""Rows per transaction: measurements of other experiments are written in between."""


_RENAMING: Final = "Gets the data of {!r}, which is renamed."
"""Description of an experiment until it has all data of the one that is renamed to it."""


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
    """Return the name of a new experiment without blanks around it; raise `InvalidRequestError` if it cannot be one."""
    name = topics.check_experiment_name(name.strip())
    if name == "current" or name.startswith("_testing"):
        raise InvalidRequestError(f"{name!r} is reserved", remedy="Choose another name.")
    return name


def tidy_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags trimmed, without empty ones, the first of each spelling."""
    found: dict[str, str] = {}
    for tag in tags:
        if tag.strip():
            found.setdefault(tag.strip().casefold(), tag.strip())
    return list(found.values())


_worker_count = select(func.count()).where(assignments.c.experiment == experiments.c.experiment).scalar_subquery()
_QUERY = select(experiments.c.experiment, experiments.c.created_at, experiments.c.description, _worker_count).order_by(
    experiments.c.created_at.desc(), insertion_order(experiments).desc()
)
_NOT_RENAMED = (experiments, audit_trail, rollup_series, rollup_changes)
_KEPT = ("experiments", "experiment_worker_assignments_history", "audit_trail")


class Experiments:
    """Newest first, wherever there are several."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self) -> list[Experiment]:
        return self._select(_QUERY)

    def active(self) -> list[Experiment]:
        """Return the experiments that have at least one worker."""
        return self._select(_QUERY.where(experiments.c.experiment.in_(select(assignments.c.experiment))))

    def latest(self) -> Experiment | None:
        found = self._select(_QUERY.limit(1))
        return found[0] if found else None

    def get(self, experiment: str) -> Experiment:
        found = self._select(_QUERY.where(_is(experiment)))
        if not found:
            raise _missing(experiment)
        return found[0]

    def assignment_count(self) -> list[AssignmentCount]:
        """Return how many workers each active experiment has."""
        rows = self._access.rows(
            select(assignments.c.experiment, func.count())
            .group_by(assignments.c.experiment)
            .order_by(assignments.c.experiment)
        )
        return [AssignmentCount(*row) for row in rows]

    def create(self, experiment: str, *, description: str | None = None, tags: Iterable[str] = ()) -> Experiment:
        """Raises `InvalidRequestError` for a bad name, `ConflictError` when there is one of that name."""
        name = check_experiment_name(experiment)
        at = self._access.timestamp()
        with self._access.writing() as connection:
            if exists(connection, select(experiments).where(_is(name))):
                raise ConflictError(f"there is already an experiment {name!r}", remedy="Choose another name.")
            values = {"experiment": name, "created_at": at, "description": description}
            change(connection, insert(experiments).values(values))
            _add_tags(connection, name, tags, at)
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
            if not exists(connection, select(experiments).where(_is(experiment))):
                raise _missing(experiment)
            if description is not UNSET:
                change(connection, update(experiments).where(_is(experiment)).values(description=description))
            if not isinstance(tags, UnsetType):
                change(connection, delete(experiment_tags).where(experiment_tags.c.experiment == experiment))
                _add_tags(connection, experiment, tags if tags is not None else (), self._access.timestamp())
        return self.get(experiment)

    def delete(self, experiment: str) -> int:
        """Delete an experiment and every row of it; return how many rows that were.

        Done in small steps, so that measurements are still written. When interrupted, the experiment is there with
        what is left of it, and can be deleted again. The history of assignments is kept.
        """
        self.get(experiment)
        with self._access.reading() as connection:
            measured = [*STREAM_TABLES, *_plugin_tables(connection)]
        deleted = sum(self._delete_rows(filled, experiment) for filled in measured)
        with self._access.writing() as connection:
            end_assignments(connection, at=self._access.timestamp(), experiment=experiment)
            for filled in METADATA.sorted_tables:
                if "experiment" in filled.c and filled.name not in _KEPT:
                    deleted += change(connection, delete(filled).where(filled.c.experiment == experiment))
            deleted += change(connection, delete(experiments).where(_is(experiment)))
        return deleted

    def check_rename(self, experiment: str, name: str) -> None:
        """Raise what `rename` raises."""
        with self._access.reading() as connection:
            self._is_rename_begun(connection, self.get(experiment), check_experiment_name(name))

    @staticmethod
    def _is_rename_begun(connection: Connection, old: Experiment, new: str) -> bool:
        """Return whether an earlier call was interrupted; raise if the experiment cannot have this name."""
        if old.worker_count > 0:
            raise ConflictError(f"{old.experiment!r} has workers", remedy="End the experiment, then rename it.")
        if new == old.experiment:
            raise InvalidRequestError("this is the experiment's name already")
        taken = fetch(connection, select(experiments.c.description).where(_is(new)))
        if taken and taken[0][0] != _RENAMING.format(old.experiment):
            raise ConflictError(f"there is already an experiment {new!r}", remedy="Choose another name.")
        return bool(taken)

    def rename(self, experiment: str, name: str) -> int:
        """Give an experiment another name, with every row of it; return how many rows that were.

        Done in small steps, as `delete`. When interrupted, both names are there, and the same call continues. Raises
        `ConflictError` while workers are assigned, because what they publish has the name in it, and for a name that
        another experiment has.
        """
        old, new = self.get(experiment), check_experiment_name(name)
        with self._access.writing() as connection:
            if not self._is_rename_begun(connection, old, new):
                values = {"created_at": old.created_at, "description": _RENAMING.format(experiment)}
                change(connection, insert(experiments).values(experiment=new, **values))
        with self._access.reading() as connection:
            measured = [*STREAM_TABLES, *_plugin_tables(connection)]
        renamed = sum(self._rename_rows(filled, experiment, new) for filled in measured)
        with self._access.writing() as connection:
            # Made anew from the renamed rows: the new name may have some already.
            change(connection, delete(rollup_series).where(rollup_series.c.experiment == experiment))
            change(connection, delete(rollup_changes).where(rollup_changes.c.experiment == experiment))
            for filled in METADATA.sorted_tables:
                if "experiment" in filled.c and filled not in _NOT_RENAMED:
                    of_old = update(filled).where(filled.c.experiment == experiment)
                    renamed += change(connection, of_old.values(experiment=new))
            change(connection, delete(experiments).where(_is(experiment)))
            change(connection, update(experiments).where(_is(new)).values(description=old.description))
        return renamed

    def _rename_rows(self, filled: Table | TableClause, experiment: str, name: str) -> int:
        return self._change_rows(update(filled).where(_is_in_chunk(filled, experiment)).values(experiment=name))

    def _delete_rows(self, filled: Table | TableClause, experiment: str) -> int:
        return self._change_rows(delete(filled).where(_is_in_chunk(filled, experiment)))

    def _change_rows(self, a_chunk: Update | Delete) -> int:
        """Repeat a statement that changes a chunk of rows until there are no more; return how many there were."""
        total = 0
        while True:
            with self._access.writing() as connection:
                changed = change(connection, a_chunk)
            total += changed
            if changed < _CHANGED_AT_ONCE:
                return total

    def _select(self, query: Select[tuple[str, str, str | None, int]]) -> list[Experiment]:
        by_age = select(experiment_tags.c.experiment, experiment_tags.c.tag).order_by(
            experiment_tags.c.created_at, func.lower(experiment_tags.c.tag)
        )
        with self._access.reading() as connection:
            rows = fetch(connection, query)
            tags: dict[str, list[str]] = {}
            for experiment, tag in fetch(connection, by_age):
                tags.setdefault(experiment, []).append(tag)
        now = self._access.now()
        return [
            Experiment(name, created_at, description, _age_hours(created_at, now), count, tags.get(name, []))
            for name, created_at, description, count in rows
        ]


def _is_in_chunk(filled: Table | TableClause, experiment: str) -> ColumnElement[bool]:
    """Return the condition of some rows of an experiment, few enough for one transaction."""
    key = tuple(filled.primary_key) or (insertion_order(filled),)
    chunk = select(*key).select_from(filled).where(filled.c.experiment == experiment).limit(_CHANGED_AT_ONCE)
    return (tuple_(*key) if len(key) > 1 else key[0]).in_(chunk)


def _is(experiment: str) -> ColumnElement[bool]:
    return experiments.c.experiment == experiment


def _add_tags(connection: Connection, experiment: str, tags: Iterable[str], at: str) -> None:
    for tag in tidy_tags(tags):
        change(connection, insert(experiment_tags).values(experiment=experiment, tag=tag, created_at=at))


def _plugin_tables(connection: Connection) -> list[TableClause]:
    """Return the tables of measurements of plugins that exist and hold the experiment of each row."""
    inspector = inspect(connection)
    names = [spec.table.name for spec in measurements.registered_specs() if inspector.has_table(spec.table.name)]
    return [
        table(name, column("experiment"))
        for name in names
        if any(known["name"] == "experiment" for known in inspector.get_columns(name))
    ]


def _age_hours(created_at: str, now: datetime) -> float:
    return round((now - from_timestamp(created_at)).total_seconds() / 3600, 2)


def _missing(experiment: str) -> NotFoundError:
    return NotFoundError(f"there is no experiment {experiment!r}")
