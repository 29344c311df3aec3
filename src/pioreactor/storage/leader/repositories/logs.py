"""Log messages, newest first, a page at a time."""

from datetime import timedelta
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Select, and_, false, or_, select, union_all

from pioreactor.exc import InvalidRequestError
from pioreactor.storage.leader.repositories.context import Access
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
    """Each page has up to 100 rows; after `skip` rows."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self, *, min_level: str = "INFO", skip: int = 0) -> list[LogRow]:
        return self._per_level([], min_level, skip)

    def of_experiment(self, experiment: str, *, min_level: str = "INFO", skip: int = 0) -> list[LogRow]:
        return self._per_level([_LOGS.c.experiment == experiment], min_level, skip)

    def recent_of_experiment(self, experiment: str, *, min_level: str = "INFO") -> list[LogRow]:
        """Return up to 50 rows of the last 24 h, and not from before the experiment was created."""
        conditions = [_LOGS.c.experiment == experiment, _LOGS.c.timestamp >= self._recently(experiment)]
        return self._per_level(conditions, min_level, 0, page_rows=RECENT_ROWS)

    def recent_of_unit(self, unit: str, experiment: str, *, min_level: str = "INFO") -> list[LogRow]:
        """Return rows from the unit, or for all units: those of the experiment and those of the cluster."""
        is_concerned = _LOGS.c.experiment.in_((experiment, UNIVERSAL_EXPERIMENT))
        conditions = [is_concerned, _LOGS.c.timestamp >= self._recently(experiment)]
        return self._by_unit(unit, conditions, min_level, 0, page_rows=RECENT_ROWS)

    def of_unit_in_experiment(
        self, unit: str, experiment: str, *, min_level: str = "INFO", skip: int = 0
    ) -> list[LogRow]:
        """Return the unit's rows of the experiment, and the cluster's rows from while it was assigned (plus 5 s)."""
        while_assigned = and_(_IS_SYSTEM, or_(*self._assigned_windows(unit, experiment)))
        windows = or_(_LOGS.c.experiment == experiment, while_assigned)
        return self._by_unit(unit, [windows], min_level, skip)

    def system_of_unit(self, unit: str, *, min_level: str = "INFO", skip: int = 0) -> list[LogRow]:
        return self._by_unit(unit, [_IS_SYSTEM], min_level, skip)

    def of_unit(self, unit: str, *, min_level: str = "INFO", skip: int = 0) -> list[LogRow]:
        return self._by_unit(unit, [], min_level, skip)

    def _recently(self, experiment: str) -> str:
        since = to_timestamp(self._access.now() - _RECENT)
        created = self._access.rows(select(experiments.c.created_at).where(experiments.c.experiment == experiment))
        return max(since, str(created[0][0])) if created else since

    def _assigned_windows(self, unit: str, experiment: str) -> list[ColumnElement[bool]]:
        """Return the times of assignment as conditions on the timestamp; never empty."""
        history = assignments_history.c
        rows = self._access.rows(
            select(history.assigned_at, history.unassigned_at)
            .where(history.pioreactor_unit == unit, history.experiment == experiment)
            .order_by(history.assigned_at.desc())
            .limit(100)
        )
        conditions: list[ColumnElement[bool]] = [false()]
        for since, until in rows:
            condition = _LOGS.c.timestamp >= since
            if until is not None:
                condition = and_(condition, _LOGS.c.timestamp <= to_timestamp(from_timestamp(until) + _GRACE))
            conditions.append(condition)
        return conditions

    def _per_level(
        self, conditions: list[ColumnElement[bool]], min_level: str, skip: int, *, page_rows: int = PAGE_ROWS
    ) -> list[LogRow]:
        """Walk the indices that have the level second, one level at a time, as far as the page reaches."""
        parts = [_newest(*conditions, _LOGS.c.level == level) for level in levels_from(min_level)]
        return self._page(parts, skip=skip, page_rows=page_rows)

    def _by_unit(
        self, unit: str, conditions: list[ColumnElement[bool]], min_level: str, skip: int, *, page_rows: int = PAGE_ROWS
    ) -> list[LogRow]:
        has_level = _LOGS.c.level.in_(levels_from(min_level))
        names = (unit, UNIVERSAL_IDENTIFIER)
        parts = [_newest(_LOGS.c.pioreactor_unit == name, *conditions, has_level) for name in names]
        return self._page(parts, skip=skip, page_rows=page_rows)

    def _page(self, parts: list[Select[tuple[object, ...]]], *, skip: int, page_rows: int) -> list[LogRow]:
        reach = _checked(skip) + page_rows
        found = union_all(*(select(part.limit(reach).subquery()) for part in parts)).subquery()
        columns = [found.c[column.name] for column in _COLUMNS]
        newest_first = select(*columns).order_by(found.c.timestamp.desc(), found.c.place.desc())
        return [LogRow(*row) for row in self._access.rows(newest_first.limit(page_rows).offset(skip))]


def _newest(*conditions: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    place = insertion_order(_LOGS)
    return select(*_COLUMNS, place.label("place")).where(*conditions).order_by(_LOGS.c.timestamp.desc(), place.desc())


def _checked(skip: int) -> int:
    if skip < 0:
        raise InvalidRequestError("skip cannot be negative")
    return skip
