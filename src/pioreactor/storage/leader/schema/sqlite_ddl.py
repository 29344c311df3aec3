"""Triggers and views of the leader's database, in the SQL of SQLite."""

from pioreactor.measurements import ACTIVITY_TABLE, BUILT_IN, ActivityColumn, MeasurementSpec
from pioreactor.storage.leader.rollups.sqlite_triggers import rollup_triggers

_KEY = "experiment, pioreactor_unit, timestamp"
_NEW_KEY = "new.experiment, new.pioreactor_unit, new.timestamp"
_TABLE = ACTIVITY_TABLE


def triggers() -> dict[str, str]:
    """Return name → `CREATE TRIGGER` statement."""
    return {
        **{f"update_activity_from_{spec.table.name}": _activity_trigger(spec) for spec in BUILT_IN if spec.activity},
        "insert_experiment_worker_assignments_history": """
            CREATE TRIGGER insert_experiment_worker_assignments_history
            AFTER INSERT ON experiment_worker_assignments BEGIN
                INSERT OR IGNORE INTO experiment_worker_assignments_history
                    (pioreactor_unit, experiment, assigned_at)
                VALUES (new.pioreactor_unit, new.experiment, new.assigned_at);
            END""",
        "end_experiment_worker_assignments_history": """
            CREATE TRIGGER end_experiment_worker_assignments_history
            AFTER DELETE ON experiment_worker_assignments BEGIN
                UPDATE experiment_worker_assignments_history
                SET unassigned_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
                WHERE pioreactor_unit = old.pioreactor_unit AND experiment = old.experiment
                    AND unassigned_at IS NULL;
            END""",
        **{
            f"refuse_{change}_of_{table}": (
                f"CREATE TRIGGER refuse_{change}_of_{table} BEFORE {change.upper()} ON {table} BEGIN"
                f" SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
            for table in ("audit_trail", "audit_heads")
            for change in ("update", "delete")
        },
        **rollup_triggers(),
    }


def activity_rollup_columns() -> list[str]:
    """Return the expressions of the view of the activity data by minute."""
    return [
        f"{function}({column.name}) AS {prefix}_{column.name}"
        for aggregation, function, prefix in (("mean", "AVG", "avg"), ("sum", "SUM", "sum"))
        for spec in BUILT_IN
        for column in spec.activity
        if column.aggregation == aggregation
    ]


def views() -> dict[str, str]:
    """Return name → `CREATE VIEW` statement."""
    return {
        "latest_experiment": """
            CREATE VIEW latest_experiment AS
            SELECT experiment, created_at, description,
                ROUND((julianday('now') - julianday(created_at)) * 24, 0) AS delta_hours
            FROM experiments ORDER BY rowid DESC LIMIT 1""",
        f"{_TABLE}_rollup": f"""
            CREATE VIEW {_TABLE}_rollup AS
            SELECT experiment, pioreactor_unit, SUBSTR(timestamp, 1, 16) || ':00.000Z' AS timestamp,
                {", ".join(activity_rollup_columns())}
            FROM {_TABLE} GROUP BY experiment, pioreactor_unit, SUBSTR(timestamp, 1, 16)""",
    }


def _activity_trigger(spec: MeasurementSpec) -> str:
    """Return the trigger that copies new rows of a quantity into the activity data."""
    columns = spec.activity
    conditions = [column.when for column in columns if column.when is not None and column.aggregation == "sum"]
    when = ""
    if conditions:
        values = ", ".join(f"'{value}'" for _, value in conditions)
        when = f"WHEN new.{conditions[0][0]} IN ({values}) "
    return f"""
        CREATE TRIGGER update_activity_from_{spec.table.name} AFTER INSERT ON {spec.table.name} {when}BEGIN
            INSERT INTO {_TABLE} ({_KEY}, {", ".join(column.name for column in columns)})
            VALUES ({_NEW_KEY}, {", ".join(_new_value(column) for column in columns)})
            ON CONFLICT ({_KEY}) DO UPDATE SET {", ".join(_on_conflict(column) for column in columns)};
        END"""


def _new_value(column: ActivityColumn) -> str:
    if column.when is None:
        return f"new.{column.source}"
    return f"CASE new.{column.when[0]} WHEN '{column.when[1]}' THEN new.{column.source} END"


def _on_conflict(column: ActivityColumn) -> str:
    """Return how a second value of one moment is combined with the first: doses add up, so that none is lost."""
    name = column.name
    if column.aggregation == "sum":
        return f"{name} = COALESCE({name} + excluded.{name}, excluded.{name}, {name})"
    if column.when is None:
        return f"{name} = excluded.{name}"
    return f"{name} = COALESCE(excluded.{name}, {name})"
