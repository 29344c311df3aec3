"""Triggers and views of the leader's database, in SQLite's words (spec web §3.3)."""

_KEY = "experiment, pioreactor_unit, timestamp"
_NEW_KEY = "new.experiment, new.pioreactor_unit, new.timestamp"
_TABLE = "pioreactor_unit_activity_data"

_COPIED = (
    ("od_readings", "od_reading", "od_reading"),
    ("od_readings_fused", "od_reading", "od_fused"),
    ("od_readings_filtered", "normalized_od_reading", "normalized_od_reading"),
    ("growth_rates", "rate", "growth_rate"),
    ("temperature_readings", "temperature_c", "temperature_c"),
    ("stirring_rates", "measured_rpm", "measured_rpm"),
)
"""Table, its column, the column of the activity data."""

_LEDS = tuple(f"led_{channel}_intensity_update" for channel in "abcd")
_DOSES = ("add_media", "remove_waste", "add_alt_media")


def triggers() -> dict[str, str]:
    """Return name → `CREATE TRIGGER` statement."""
    return {
        **{f"update_activity_from_{table}": _copying(table, source, target) for table, source, target in _COPIED},
        "update_activity_from_led_change_events": _leds(),
        "update_activity_from_dosing_events": _doses(),
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
    }


def views() -> dict[str, str]:
    """Return name → `CREATE VIEW` statement."""
    averages = ("od_reading", "od_fused", "normalized_od_reading", "temperature_c", "growth_rate", "measured_rpm")
    sums = ("add_media_ml", "remove_waste_ml", "add_alt_media_ml")
    columns = [f"AVG({name}) AS avg_{name}" for name in averages] + [f"SUM({name}) AS sum_{name}" for name in sums]
    return {
        "latest_experiment": """
            CREATE VIEW latest_experiment AS
            SELECT experiment, created_at, description,
                ROUND((julianday('now') - julianday(created_at)) * 24, 0) AS delta_hours
            FROM experiments ORDER BY rowid DESC LIMIT 1""",
        f"{_TABLE}_rollup": f"""
            CREATE VIEW {_TABLE}_rollup AS
            SELECT experiment, pioreactor_unit, SUBSTR(timestamp, 1, 16) || ':00.000Z' AS timestamp,
                {", ".join(columns)}
            FROM {_TABLE} GROUP BY experiment, pioreactor_unit, SUBSTR(timestamp, 1, 16)""",
    }


def _copying(table: str, source: str, target: str) -> str:
    return f"""
        CREATE TRIGGER update_activity_from_{table} AFTER INSERT ON {table} BEGIN
            INSERT INTO {_TABLE} ({_KEY}, {target}) VALUES ({_NEW_KEY}, new.{source})
            ON CONFLICT ({_KEY}) DO UPDATE SET {target} = excluded.{target};
        END"""


def _leds() -> str:
    values = ", ".join(f"CASE new.channel WHEN '{channel}' THEN new.intensity END" for channel in "ABCD")
    kept = ", ".join(f"{led} = COALESCE(excluded.{led}, {led})" for led in _LEDS)
    return f"""
        CREATE TRIGGER update_activity_from_led_change_events AFTER INSERT ON led_change_events BEGIN
            INSERT INTO {_TABLE} ({_KEY}, {", ".join(_LEDS)}) VALUES ({_NEW_KEY}, {values})
            ON CONFLICT ({_KEY}) DO UPDATE SET {kept};
        END"""


def _doses() -> str:
    """Doses of one moment are added up: none of them disappears behind another."""
    columns = ", ".join(f"{dose}_ml" for dose in _DOSES)
    values = ", ".join(f"CASE new.event WHEN '{dose}' THEN new.volume_change_ml END" for dose in _DOSES)
    added = ", ".join(
        f"{dose}_ml = COALESCE({dose}_ml + excluded.{dose}_ml, excluded.{dose}_ml, {dose}_ml)" for dose in _DOSES
    )
    return f"""
        CREATE TRIGGER update_activity_from_dosing_events AFTER INSERT ON dosing_events
        WHEN new.event IN ('add_media', 'remove_waste', 'add_alt_media') BEGIN
            INSERT INTO {_TABLE} ({_KEY}, {columns}) VALUES ({_NEW_KEY}, {values})
            ON CONFLICT ({_KEY}) DO UPDATE SET {added};
        END"""
