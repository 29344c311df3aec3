"""What jobs and people said, newest first, a page at a time."""

from datetime import timedelta
from typing import Any, Final

import msgspec

from pioreactor.exc import InvalidRequestError
from pioreactor.storage.leader.repository_context import Access
from pioreactor.structs.encoding import from_timestamp, to_timestamp
from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER

LEVELS: Final = ("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL")
PAGE_ROWS: Final = 100
RECENT_ROWS: Final = 50
_RECENT: Final = timedelta(hours=24)
_GRACE: Final = timedelta(seconds=5)
"""A worker says its last words shortly after it is unassigned."""

_COLUMNS: Final = "timestamp, level, pioreactor_unit, message, task, experiment"


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
        raise InvalidRequestError(f"{min_level!r} is no log level", remedy=f"Use one of {', '.join(LEVELS)}.")
    return LEVELS[LEVELS.index(min_level.upper()) :]


class Logs:
    """Each page has up to 100 rows; `skip` rows are left out before it."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self, *, min_level: str = "INFO", skip: int = 0) -> list[LogRow]:
        return self._per_level("1", min_level, skip, {})

    def of_experiment(self, experiment: str, *, min_level: str = "INFO", skip: int = 0) -> list[LogRow]:
        return self._per_level("experiment = :experiment", min_level, skip, {"experiment": experiment})

    def recent_of_experiment(self, experiment: str, *, min_level: str = "INFO") -> list[LogRow]:
        """Return up to 50 rows of the last 24 h, and not from before the experiment was created."""
        return self._per_level(
            "experiment = :experiment AND timestamp >= :since",
            min_level,
            0,
            {"experiment": experiment, "since": self._recently(experiment)},
            page_rows=RECENT_ROWS,
        )

    def recent_of_unit(self, unit: str, experiment: str, *, min_level: str = "INFO") -> list[LogRow]:
        """Return what concerns the unit: of the experiment or of the cluster, said by the unit or to everybody."""
        return self._by_unit(
            f"experiment IN (:experiment, '{UNIVERSAL_EXPERIMENT}') AND timestamp >= :since",
            min_level,
            0,
            {"unit": unit, "experiment": experiment, "since": self._recently(experiment)},
            page_rows=RECENT_ROWS,
        )

    def of_unit_in_experiment(
        self, unit: str, experiment: str, *, min_level: str = "INFO", skip: int = 0
    ) -> list[LogRow]:
        """Return the unit's rows of the experiment, and the cluster's rows from while it was assigned (plus 5 s)."""
        condition, windows = self._assigned_windows(unit, experiment)
        return self._by_unit(
            f"(experiment = :experiment OR (experiment = '{UNIVERSAL_EXPERIMENT}' AND ({condition})))",
            min_level,
            skip,
            {"unit": unit, "experiment": experiment, **windows},
        )

    def system_of_unit(self, unit: str, *, min_level: str = "INFO", skip: int = 0) -> list[LogRow]:
        return self._by_unit(f"experiment = '{UNIVERSAL_EXPERIMENT}'", min_level, skip, {"unit": unit})

    def of_unit(self, unit: str, *, min_level: str = "INFO", skip: int = 0) -> list[LogRow]:
        return self._by_unit("1", min_level, skip, {"unit": unit})

    def _recently(self, experiment: str) -> str:
        since = to_timestamp(self._access.now() - _RECENT)
        created = self._access.rows(
            "SELECT created_at FROM experiments WHERE experiment = :experiment", experiment=experiment
        )
        return max(since, str(created[0][0])) if created else since

    def _assigned_windows(self, unit: str, experiment: str) -> tuple[str, dict[str, str]]:
        """Return a condition on `timestamp`, and its parameters."""
        rows = self._access.rows(
            "SELECT assigned_at, unassigned_at FROM experiment_worker_assignments_history "
            "WHERE pioreactor_unit = :unit AND experiment = :experiment ORDER BY assigned_at DESC LIMIT 100",
            unit=unit,
            experiment=experiment,
        )
        conditions, parameters = ["0"], {}
        for n, (since, until) in enumerate(rows):
            parameters[f"since{n}"] = since
            condition = f"timestamp >= :since{n}"
            if until is not None:
                parameters[f"until{n}"] = to_timestamp(from_timestamp(until) + _GRACE)
                condition += f" AND timestamp <= :until{n}"
            conditions.append(f"({condition})")
        return " OR ".join(conditions), parameters

    def _per_level(
        self, where: str, min_level: str, skip: int, parameters: dict[str, Any], *, page_rows: int = PAGE_ROWS
    ) -> list[LogRow]:
        """Walk the indices that have the level second, one level at a time, as far as the page reaches."""
        levels = levels_from(min_level)
        parts = " UNION ALL ".join(
            f"SELECT * FROM (SELECT {_COLUMNS}, rowid AS place FROM logs WHERE {where} AND level = '{level}' "
            "ORDER BY timestamp DESC, rowid DESC LIMIT :reach)"
            for level in levels
        )
        return self._page(
            f"SELECT {_COLUMNS} FROM ({parts})",
            {**parameters, "reach": _checked(skip) + page_rows},
            skip=skip,
            page_rows=page_rows,
        )

    def _by_unit(
        self, where: str, min_level: str, skip: int, parameters: dict[str, Any], *, page_rows: int = PAGE_ROWS
    ) -> list[LogRow]:
        levels = ", ".join(f"'{level}'" for level in levels_from(min_level))
        parts = " UNION ALL ".join(
            f"SELECT * FROM (SELECT {_COLUMNS}, rowid AS place FROM logs WHERE pioreactor_unit = {unit} AND {where} "
            f"AND level IN ({levels}) ORDER BY timestamp DESC, rowid DESC LIMIT :reach)"
            for unit in (":unit", f"'{UNIVERSAL_IDENTIFIER}'")
        )
        return self._page(
            f"SELECT {_COLUMNS} FROM ({parts})",
            {**parameters, "reach": _checked(skip) + page_rows},
            skip=skip,
            page_rows=page_rows,
        )

    def _page(self, sql: str, parameters: dict[str, Any], *, skip: int, page_rows: int) -> list[LogRow]:
        rows = self._access.rows(
            f"{sql} ORDER BY timestamp DESC, place DESC LIMIT :page_rows OFFSET :skip",
            **parameters,
            page_rows=page_rows,
            skip=skip,
        )
        return [LogRow(*row) for row in rows]


def _checked(skip: int) -> int:
    if skip < 0:
        raise InvalidRequestError("skip cannot be negative")
    return skip
