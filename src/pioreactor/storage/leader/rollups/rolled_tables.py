"""Which tables are rolled up: those of every declared quantity that holds numbers over time."""

from typing import Final, NamedTuple

from pioreactor import measurements
from pioreactor.measurements import TableSpec
from pioreactor.measurements.spec import BY_TIME

NO_CHANNEL: Final = ""


class RolledTable(NamedTuple):
    """`channel`: the column that tells several series of a unit apart; `columns`: those that are rolled up."""

    name: str
    channel: str | None
    columns: tuple[str, ...]


def rolled_table(table: TableSpec, channel: str | None) -> RolledTable | None:
    """Return how a table is rolled up; None for one without numbers over time."""
    columns = tuple(column.name for column in table.columns if column.kind == "real")
    if not columns or not all(table.has(name) for name in BY_TIME):
        return None
    return RolledTable(table.name, channel, columns)


def rolled_tables() -> dict[str, RolledTable]:
    """Return every table that is rolled up, those of plugins included, by name."""
    found = {}
    for spec in measurements.all_specs():
        rolled = rolled_table(spec.table, None if spec.series is None else spec.series.channel)
        if rolled is not None:
            found[rolled.name] = rolled
    return found
