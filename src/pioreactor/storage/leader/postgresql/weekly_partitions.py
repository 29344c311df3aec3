"""Partitions of recorded tables in PostgreSQL: one for each week."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from pioreactor.measurements import BUILT_IN

WEEKS_AHEAD: Final = 5
"""Partitions that are made before their week begins. Rows of other weeks are kept in the default partition."""


def partitioned_tables() -> frozenset[str]:
    """Return the tables that have one partition for each week: those of quantities that are recorded all the time."""
    return frozenset(spec.table.name for spec in BUILT_IN if spec.table.time_column == "timestamp")


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def partition_statements(table: str, weeks: Iterable[date]) -> dict[str, str]:
    """Return name → the statement that makes the partition of a week, given by its Monday."""
    found = {}
    for monday in weeks:
        year, week, _ = monday.isocalendar()
        name = f"{table}_{year}w{week:02d}"
        ends = f"FROM ('{monday}') TO ('{monday + timedelta(weeks=1)}')"
        found[name] = f'CREATE TABLE IF NOT EXISTS "{name}" PARTITION OF "{table}" FOR VALUES {ends}'
    return found


def weeks_ahead(today: date) -> list[date]:
    """Return the Mondays of the weeks for which there are to be partitions."""
    return [week_of(today) + timedelta(weeks=n) for n in range(WEEKS_AHEAD)]
