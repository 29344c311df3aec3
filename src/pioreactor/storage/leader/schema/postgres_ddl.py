"""Triggers and views of the leader's database, in the SQL of PostgreSQL.

Each is replaced by its declaration whenever the schema is brought up to date: revisions do not repeat them.
"""

from typing import Final

from pioreactor.measurements import ACTIVITY_TABLE, BUILT_IN, ActivityColumn, MeasurementSpec
from pioreactor.storage.leader.postgresql import NUMBERED
from pioreactor.storage.leader.rollups.rolled_tables import RolledTable, rolled_table
from pioreactor.storage.leader.schema.sqlite_ddl import activity_rollup_columns

_KEY: Final = "experiment, pioreactor_unit, timestamp"
_NOW: Final = """to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


def triggers() -> dict[str, str]:
    """Return name → the statements that create or replace a trigger."""
    found = {f"update_activity_from_{spec.table.name}": _activity_trigger(spec) for spec in BUILT_IN if spec.activity}
    found["insert_experiment_worker_assignments_history"] = _trigger(
        "insert_experiment_worker_assignments_history",
        "AFTER INSERT ON experiment_worker_assignments FOR EACH ROW",
        "INSERT INTO experiment_worker_assignments_history (pioreactor_unit, experiment, assigned_at) "
        "VALUES (new.pioreactor_unit, new.experiment, new.assigned_at) ON CONFLICT DO NOTHING;",
    )
    found["end_experiment_worker_assignments_history"] = _trigger(
        "end_experiment_worker_assignments_history",
        "AFTER DELETE ON experiment_worker_assignments FOR EACH ROW",
        f"UPDATE experiment_worker_assignments_history SET unassigned_at = {_NOW} "
        "WHERE pioreactor_unit = old.pioreactor_unit AND experiment = old.experiment AND unassigned_at IS NULL;",
    )
    for table in ("audit_trail", "audit_heads"):
        for change in ("update", "delete"):
            name = f"refuse_{change}_of_{table}"
            body = f"RAISE EXCEPTION '{table} is append-only';"
            found[name] = _trigger(name, f"BEFORE {change.upper()} ON {table} FOR EACH ROW", body)
    found["delete_buckets_of_rollup_series"] = _trigger(
        "delete_buckets_of_rollup_series",
        "AFTER DELETE ON rollup_series REFERENCING OLD TABLE AS gone FOR EACH STATEMENT",
        "DELETE FROM rollup_buckets WHERE series_id IN (SELECT id FROM gone);",
    )
    for spec in BUILT_IN:
        rolled = rolled_table(spec.table, None if spec.series is None else spec.series.channel)
        if rolled is not None:
            found |= rollup_triggers_of(rolled)
    return found


def views() -> dict[str, str]:
    """Return name → the statements that create or replace a view."""
    rollup = f"{ACTIVITY_TABLE}_rollup"
    return {
        "latest_experiment": (
            "DROP VIEW IF EXISTS latest_experiment; CREATE VIEW latest_experiment AS "
            "SELECT experiment, created_at, description, "
            "ROUND(EXTRACT(EPOCH FROM now() - created_at::timestamptz) / 3600)::double precision AS delta_hours "
            f"FROM experiments ORDER BY {NUMBERED} DESC LIMIT 1"
        ),
        rollup: (
            f"DROP VIEW IF EXISTS {rollup}; CREATE VIEW {rollup} AS "
            "SELECT experiment, pioreactor_unit, SUBSTR(timestamp, 1, 16) || ':00.000Z' AS timestamp, "
            f"{', '.join(activity_rollup_columns())} "
            f"FROM {ACTIVITY_TABLE} GROUP BY experiment, pioreactor_unit, SUBSTR(timestamp, 1, 16)"
        ),
    }


def rollup_triggers_of(rolled: RolledTable) -> dict[str, str]:
    """Return the triggers that note which minutes of a table are to be rolled up again."""
    table = rolled.name
    through = f"COALESCE((SELECT through FROM rollup_progress WHERE table_name = '{table}'), 0)"
    newest = f"(SELECT COALESCE(MAX({NUMBERED}), 0) FROM {table})"
    channel = "''" if rolled.channel is None else f"COALESCE(CAST({rolled.channel} AS TEXT), '')"

    def note(rows: str) -> str:
        return (
            "INSERT INTO rollup_changes (table_name, experiment, pioreactor_unit, channel, minute) SELECT DISTINCT "
            f"'{table}', experiment, pioreactor_unit, {channel}, SUBSTR(timestamp, 1, 16) FROM {rows} "
            f"WHERE {NUMBERED} <= {through} ON CONFLICT DO NOTHING;"
        )

    deleted, updated = f"rollup_after_delete_of_{table}", f"rollup_after_update_of_{table}"
    return {
        deleted: _trigger(
            deleted,
            f"AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone FOR EACH STATEMENT",
            f"{note('gone')} UPDATE rollup_progress SET through = {newest} "
            f"WHERE table_name = '{table}' AND through > {newest};",
        ),
        updated: _trigger(
            updated,
            f"AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT",
            f"{note('old_rows')} {note('new_rows')}",
        ),
    }


def _trigger(name: str, when: str, body: str) -> str:
    table = when.partition(" ON ")[2].split()[0]
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN {body} "
        "RETURN NULL; END $body$; "
        f"DROP TRIGGER IF EXISTS {name} ON {table}; CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()"
    )


def _activity_trigger(spec: MeasurementSpec) -> str:
    """Return the trigger that copies new rows of a quantity into the activity data: one statement for all of them."""
    name, columns = f"update_activity_from_{spec.table.name}", spec.activity
    conditions = [column.when for column in columns if column.when is not None and column.aggregation == "sum"]
    where = ""
    if conditions:
        values = ", ".join(f"'{value}'" for _, value in conditions)
        where = f"WHERE {conditions[0][0]} IN ({values})"
    target = ", ".join(column.name for column in columns)
    return _trigger(
        name,
        f"AFTER INSERT ON {spec.table.name} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
        f"INSERT INTO {ACTIVITY_TABLE} ({_KEY}, {target}) SELECT {_KEY}, {', '.join(map(_new_value, columns))} "
        f"FROM fresh {where} GROUP BY {_KEY} "
        f"ON CONFLICT ({_KEY}) DO UPDATE SET {', '.join(map(_on_conflict, columns))};",
    )


def _new_value(column: ActivityColumn) -> str:
    """Return what the rows of one moment give together: the sum of doses, else the last one."""
    of_kind = "" if column.when is None else f" FILTER (WHERE {column.when[0]} = '{column.when[1]}')"
    if column.aggregation == "sum":
        return f"SUM({column.source}){of_kind}"
    return f"(ARRAY_AGG({column.source} ORDER BY {NUMBERED} DESC){of_kind})[1]"


def _on_conflict(column: ActivityColumn) -> str:
    name, present = column.name, f"{ACTIVITY_TABLE}.{column.name}"
    if column.aggregation == "sum":
        return f"{name} = COALESCE({present} + excluded.{name}, excluded.{name}, {present})"
    if column.when is None:
        return f"{name} = excluded.{name}"
    return f"{name} = COALESCE(excluded.{name}, {present})"
