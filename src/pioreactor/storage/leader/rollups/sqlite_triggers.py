"""Triggers of SQLite that note which minutes are to be rolled up again."""

from pioreactor.measurements import BUILT_IN
from pioreactor.storage.leader.rollups.rolled_tables import RolledTable, rolled_table


def rollup_triggers() -> dict[str, str]:
    """Return the triggers that keep roll-ups right when rows are deleted or changed, by any program."""
    found = {
        "delete_buckets_of_rollup_series": (
            "CREATE TRIGGER delete_buckets_of_rollup_series AFTER DELETE ON rollup_series BEGIN"
            " DELETE FROM rollup_buckets WHERE series_id = old.id; END"
        )
    }
    for spec in BUILT_IN:
        rolled = rolled_table(spec.table, None if spec.series is None else spec.series.channel)
        if rolled is not None:
            found |= triggers_of(rolled)
    return found


def triggers_of(rolled: RolledTable) -> dict[str, str]:
    """Return the triggers of one table: they note the minutes to roll up again.

    New rows are found by their numbers. After the last row is deleted its number is used again.
    """
    table = rolled.name
    through = f"SELECT through FROM rollup_progress WHERE table_name = '{table}'"
    newest = f"SELECT COALESCE(MAX(rowid), 0) FROM {table}"

    def note(row: str) -> str:
        channel = "''" if rolled.channel is None else f"COALESCE(CAST({row}.{rolled.channel} AS TEXT), '')"
        return (
            "INSERT OR IGNORE INTO rollup_changes (table_name, experiment, pioreactor_unit, channel, minute) VALUES "
            f"('{table}', {row}.experiment, {row}.pioreactor_unit, {channel}, SUBSTR({row}.timestamp, 1, 16));"
        )

    return {
        f"rollup_after_delete_of_{table}": (
            f"CREATE TRIGGER rollup_after_delete_of_{table} AFTER DELETE ON {table} "
            f"WHEN old.rowid <= ({through}) BEGIN {note('old')} "
            f"UPDATE rollup_progress SET through = ({newest}) "
            f"WHERE table_name = '{table}' AND through > ({newest}); END"
        ),
        f"rollup_after_update_of_{table}": (
            f"CREATE TRIGGER rollup_after_update_of_{table} AFTER UPDATE ON {table} "
            f"WHEN old.rowid <= ({through}) BEGIN {note('old')} {note('new')} END"
        ),
    }
