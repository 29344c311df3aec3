"""Log messages, newest first, a page at a time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, String, and_, bindparam, false, func, or_, select, union_all

from pioreactor.exc import InvalidRequestError
from pioreactor.storage.leader.repositories.context import Access, Query
from pioreactor.storage.leader.schema import METADATA
from pioreactor.storage.leader.schema.dialect import insertion_order
from pioreactor.storage.leader.schema.tables import assignments_history, experiments
from pioreactor.structs.encoding import from_timestamp, to_timestamp
from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER

LEVELS: Final = ("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL")
PAGE_ROWS: Final = 100
RECENT_ROWS: Final = 50
_RECENT: Final = timedelta(hours=24)
_GRACE: Final = timedelta(seconds=5)
"""A worker logs its last messages shortly after it is unassigned."""

_LOGS: Final = METADATA.tables["logs"]
_COLUMNS: Final = tuple(
    _LOGS.c[name] for name in ("timestamp", "level", "pioreactor_unit", "message", "task", "experiment")
)
_IS_SYSTEM: Final = _LOGS.c.experiment == UNIVERSAL_EXPERIMENT
_OF_EXPERIMENT: Final = _LOGS.c.experiment == bindparam("experiment")
_IS_RECENT: Final = _LOGS.c.timestamp >= bindparam("recently")
_HAS_TEXT: Final = or_(
    bindparam("search", type_=String) == "",
    func.lower(_LOGS.c.message).contains(bindparam("search", type_=String), escape="/"),
)
_IS_OF_TASK: Final = or_(bindparam("task", type_=String) == "", _LOGS.c.task == bindparam("task", type_=String))
_FOREVER: Final = "9999"
"""Later than every timestamp, as a text."""
_CREATED_AT: Final = select(experiments.c.created_at).where(experiments.c.experiment == bindparam("experiment"))
_ASSIGNED: Final = (
    select(assignments_history.c.assigned_at, assignments_history.c.unassigned_at)
    .where(
        assignments_history.c.pioreactor_unit == bindparam("unit"),
        assignments_history.c.experiment == bindparam("experiment"),
    )
    .order_by(assignments_history.c.assigned_at.desc())
    .limit(100)
)


class LogRow(msgspec.Struct, frozen=True):
    timestamp: str
    level: str | None
    pioreactor_unit: str
    message: str
    task: str | None
    experiment: str


def levels_from(min_level: str) -> tuple[str, ...]:
    """Return that level and those above it; raise `InvalidRequestError` for an unknown one."""
    if min_level.upper() not in LEVELS:
        raise InvalidRequestError(f"{min_level!r} is not a log level", remedy=f"Use one of {', '.join(LEVELS)}.")
    return LEVELS[LEVELS.index(min_level.upper()) :]


class Logs:
    """Each page has up to 100 rows, after `skip` rows.

    `search`: a text that the message contains, in any case; `task`: its task, as written.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self, *, min_level: str = "INFO", skip: int = 0, search: str = "", task: str = "") -> list[LogRow]:
        return self._page(_per_level(levels_from(min_level)), _found(search, task), skip=skip)

    def of_experiment(
        self, experiment: str, *, min_level: str = "INFO", skip: int = 0, search: str = "", task: str = ""
    ) -> list[LogRow]:
        query = _per_level(levels_from(min_level), in_experiment=True)
        return self._page(query, {"experiment": experiment, **_found(search, task)}, skip=skip)

    def recent_of_experiment(
        self, experiment: str, *, min_level: str = "INFO", lines: int = RECENT_ROWS
    ) -> list[LogRow]:
        """Return up to `lines` rows of the last 24 h, and not from before the experiment was created."""
        query = _per_level(levels_from(min_level), in_experiment=True, recent=True)
        values = {"experiment": experiment, "recently": self._recently(experiment)}
        return self._page(query, values, page_rows=lines)

    def recent_of_unit(
        self, unit: str, experiment: str, *, min_level: str = "INFO", lines: int = RECENT_ROWS
    ) -> list[LogRow]:
        """Return rows from the unit, or for all units: those of the experiment and those of the cluster."""
        values = {"unit": unit, "experiment": experiment, "recently": self._recently(experiment)}
        return self._page(_recent_of_unit(levels_from(min_level)), values, page_rows=lines)

    def of_unit_in_experiment(
        self, unit: str, experiment: str, *, min_level: str = "INFO", skip: int = 0, search: str = "", task: str = ""
    ) -> list[LogRow]:
        """Return the unit's rows of the experiment, and the cluster's rows from while it was assigned (plus 5 s)."""
        values = {"unit": unit, "experiment": experiment, **_found(search, task)}
        assigned = self._access.rows(_ASSIGNED, unit=unit, experiment=experiment)
        for n, (since, until) in enumerate(assigned):
            values[f"since{n}"] = since
            values[f"until{n}"] = to_timestamp(from_timestamp(until) + _GRACE) if until is not None else _FOREVER
        query = _of_unit_in_experiment(levels_from(min_level), windows=len(assigned))
        return self._page(query, values, skip=skip)

    def system_of_unit(
        self, unit: str, *, min_level: str = "INFO", skip: int = 0, search: str = "", task: str = ""
    ) -> list[LogRow]:
        return self._page(_system_of_unit(levels_from(min_level)), {"unit": unit, **_found(search, task)}, skip=skip)

    def of_unit(
        self, unit: str, *, min_level: str = "INFO", skip: int = 0, search: str = "", task: str = ""
    ) -> list[LogRow]:
        return self._page(_of_unit(levels_from(min_level)), {"unit": unit, **_found(search, task)}, skip=skip)

    def _recently(self, experiment: str) -> str:
        since = to_timestamp(self._access.now() - _RECENT)
        created = self._access.rows(_CREATED_AT, experiment=experiment)
        return max(since, str(created[0][0])) if created else since

    def _page(
        self, query: Query, values: Mapping[str, str], *, skip: int = 0, page_rows: int = PAGE_ROWS
    ) -> list[LogRow]:
        if skip < 0:
            raise InvalidRequestError("skip cannot be negative")
        values = {**_found("", ""), **values}
        rows = self._access.rows(query, reach=skip + page_rows, page_rows=page_rows, skip=skip, **values)
        return [LogRow(*row) for row in rows]


def _found(search: str, task: str) -> dict[str, str]:
    """Return the values that select messages with a text in them and entries of a task; blank selects all."""
    escaped = search.lower().replace("/", "//").replace("%", "/%").replace("_", "/_")
    return {"search": escaped, "task": task}


# The queries, each made once: to make one takes longer than to run it. Values are filled in for each run.


@lru_cache(maxsize=32)
def _per_level(levels: tuple[str, ...], *, in_experiment: bool = False, recent: bool = False) -> Query:
    """Walk the indices that have the level second, one level at a time, as far as the page reaches."""
    conditions = [*((_OF_EXPERIMENT,) if in_experiment else ()), *((_IS_RECENT,) if recent else ())]
    return _newest_of([[*conditions, _LOGS.c.level == level] for level in levels])


@lru_cache(maxsize=8)
def _of_unit(levels: tuple[str, ...]) -> Query:
    return _by_unit(levels)


@lru_cache(maxsize=8)
def _system_of_unit(levels: tuple[str, ...]) -> Query:
    return _by_unit(levels, _IS_SYSTEM)


@lru_cache(maxsize=8)
def _recent_of_unit(levels: tuple[str, ...]) -> Query:
    return _by_unit(levels, _LOGS.c.experiment.in_((bindparam("experiment"), UNIVERSAL_EXPERIMENT)), _IS_RECENT)


@lru_cache(maxsize=64)
def _of_unit_in_experiment(levels: tuple[str, ...], windows: int) -> Query:
    assigned = [
        and_(_LOGS.c.timestamp >= bindparam(f"since{n}"), _LOGS.c.timestamp <= bindparam(f"until{n}"))
        for n in range(windows)
    ]
    return _by_unit(levels, or_(_OF_EXPERIMENT, and_(_IS_SYSTEM, or_(false(), *assigned))))


def _by_unit(levels: tuple[str, ...], *conditions: ColumnElement[bool]) -> Query:
    is_of_unit = _LOGS.c.pioreactor_unit == bindparam("unit")
    is_of_all = _LOGS.c.pioreactor_unit == UNIVERSAL_IDENTIFIER
    has_level = _LOGS.c.level.in_(levels)
    return _newest_of([[unit, *conditions, has_level] for unit in (is_of_unit, is_of_all)])


def _newest_of(alternatives: Sequence[Sequence[ColumnElement[bool]]]) -> Query:
    """Return the page of rows that fulfill one of the alternatives, which exclude each other."""
    found = union_all(*(select(_newest(conditions).subquery()) for conditions in alternatives)).subquery()
    columns = [found.c[column.name] for column in _COLUMNS]
    newest_first = select(*columns).order_by(found.c.timestamp.desc(), found.c.place.desc())
    return newest_first.limit(bindparam("page_rows")).offset(bindparam("skip"))


def _newest(conditions: Sequence[ColumnElement[bool]]) -> Query:
    place = insertion_order(_LOGS)
    found = select(*_COLUMNS, place.label("place")).where(*conditions, _HAS_TEXT, _IS_OF_TASK)
    return found.order_by(_LOGS.c.timestamp.desc(), place.desc()).limit(bindparam("reach"))
