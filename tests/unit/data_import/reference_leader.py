"""Makes the data folder of a leader of the existing software by hand: files, tables, triggers and rows."""

import sqlite3
from contextlib import closing
from pathlib import Path

Column = tuple[str, str, str]
"""Name, declaration, and the expression of its value in row `i`."""
_CHANNEL = ("channel", "INTEGER CHECK (channel IN (1, 2, 3, 4))", "1 + i % 4")
_EVENT = (("event_name", "TEXT NOT NULL", "'DilutionEvent'"), ("message", "TEXT", "NULL"), ("data", "TEXT", "'{}'"))
STREAMS: dict[str, tuple[Column, ...]] = {
    "od_readings": (("od_reading", "REAL NOT NULL", "0.5 + i * 0.001"), ("angle", "INTEGER NOT NULL", "90"), _CHANNEL),
    "raw_od_readings": (("od_reading", "REAL NOT NULL", "0.4"), _CHANNEL),
    "od_readings_fused": (("od_reading", "REAL NOT NULL", "i * 0.5"),),
    "od_readings_filtered": (("normalized_od_reading", "REAL NOT NULL", "i / 3.0"),),
    "growth_rates": (("rate", "REAL NOT NULL", "i * 1e-3"),),
    "temperature_readings": (("temperature_c", "REAL NOT NULL", "30"),),
    "stirring_rates": (("measured_rpm", "REAL NOT NULL", "499.5"),),
    "alt_media_fractions": (("alt_media_fraction", "REAL NOT NULL", "0.25"),),
    "liquid_volumes": (("liquid_volume", "REAL NOT NULL", "14.0"),),
    "dosing_events": (
        ("event", "TEXT NOT NULL", "'add_media'"),
        ("volume_change_ml", "REAL NOT NULL", "0.5"),
        ("source_of_event", "TEXT", "'dosing_automation:turbidostat'"),
    ),
    "led_change_events": (
        ("channel", "TEXT CHECK (channel IN ('A', 'B', 'C', 'D'))", "'B'"),
        ("intensity", "REAL NOT NULL", "i % 100"),
        ("source_of_event", "TEXT", "NULL"),
    ),
    "ir_led_intensities": (("relative_intensity", "REAL NOT NULL", "0.99"),),
    "pwm_dcs": tuple((f"channel_{n}", "REAL", "NULL" if n == 2 else "i % 50") for n in range(1, 6)),
    "od_blanks": (
        ("channel", "TEXT NOT NULL", "'1'"),
        ("angle", "INTEGER NOT NULL", "90"),
        ("od_reading", "REAL NOT NULL", "0.03"),
    ),
    "logs": (
        ("message", "TEXT NOT NULL", "'µ ' || i"),
        ("source", "TEXT NOT NULL", "'app'"),
        ("level", "TEXT", "'INFO'"),
        ("task", "TEXT", "'stirring'"),
    ),
    "dosing_automation_events": _EVENT,
    "led_automation_events": _EVENT,
    "temperature_automation_events": _EVENT,
    "ph_readings": (("ph_reading", "REAL NOT NULL", "7"),),
}
"""Tables with a timestamp; the last is that of a plugin."""
_COMMON = (
    "experiment TEXT NOT NULL, pioreactor_unit TEXT NOT NULL, timestamp TEXT NOT NULL, {}, "
    "FOREIGN KEY (experiment) REFERENCES experiments (experiment) ON DELETE CASCADE"
)


def _created(name: str, columns: tuple[Column, ...]) -> str:
    declared = ", ".join(f"{column} {declaration}" for column, declaration, _ in columns)
    return f"CREATE TABLE {name} ({_COMMON.format(declared)});"


TABLES = f"""
CREATE TABLE experiments (
    experiment TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL, description TEXT,
    UNIQUE (created_at, experiment, description));
CREATE TABLE experiment_tags (
    experiment TEXT NOT NULL, tag TEXT NOT NULL, created_at TEXT NOT NULL, PRIMARY KEY (experiment, tag));
CREATE TABLE pioreactor_unit_labels (
    experiment TEXT NOT NULL, pioreactor_unit TEXT NOT NULL, label TEXT NOT NULL, created_at TEXT NOT NULL,
    UNIQUE (pioreactor_unit, experiment), UNIQUE (label, experiment));
CREATE TABLE workers (
    pioreactor_unit TEXT NOT NULL UNIQUE, added_at TEXT NOT NULL, model_name TEXT, model_version TEXT,
    is_active INTEGER DEFAULT 1);
CREATE TABLE experiment_worker_assignments (
    pioreactor_unit TEXT NOT NULL UNIQUE, experiment TEXT NOT NULL, assigned_at TEXT NOT NULL);
CREATE TABLE experiment_worker_assignments_history (
    pioreactor_unit TEXT NOT NULL, experiment TEXT NOT NULL, assigned_at TEXT NOT NULL, unassigned_at TEXT,
    UNIQUE (pioreactor_unit, experiment, assigned_at));
CREATE TABLE dosing_automation_settings (
    experiment TEXT NOT NULL, pioreactor_unit TEXT NOT NULL, started_at TEXT NOT NULL, ended_at TEXT,
    automation_name TEXT NOT NULL, settings BLOB NOT NULL);
CREATE TABLE experiment_profile_runs (
    started_at TEXT NOT NULL, experiment_profile_name TEXT NOT NULL, experiment TEXT NOT NULL);
CREATE TABLE config_files_histories (timestamp TEXT NOT NULL, filename TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE pioreactor_unit_activity_data (
    experiment TEXT NOT NULL, pioreactor_unit TEXT NOT NULL, timestamp TEXT NOT NULL, od_reading REAL, od_fused REAL,
    normalized_od_reading REAL, temperature_c REAL, growth_rate REAL, measured_rpm REAL, led_a_intensity_update REAL,
    led_b_intensity_update REAL, led_c_intensity_update REAL, led_d_intensity_update REAL, add_media_ml REAL,
    remove_waste_ml REAL, add_alt_media_ml REAL, UNIQUE (experiment, pioreactor_unit, timestamp));
CREATE VIEW latest_experiment AS SELECT * FROM experiments ORDER BY rowid DESC LIMIT 1;
{"".join(_created(name, columns) for name, columns in STREAMS.items())}
CREATE TRIGGER update_od AFTER INSERT ON od_readings BEGIN
    INSERT INTO pioreactor_unit_activity_data (experiment, pioreactor_unit, timestamp, od_reading)
    VALUES (new.experiment, new.pioreactor_unit, new.timestamp, new.od_reading)
    ON CONFLICT (experiment, pioreactor_unit, timestamp) DO UPDATE SET od_reading = excluded.od_reading;
END;
INSERT INTO experiments VALUES ('Evolution 1', '2025-03-01T10:00:00.000Z', 'first');
INSERT INTO experiments VALUES ('Ö & 2', '2025-06-01T10:00:00.000Z', NULL);
INSERT INTO experiment_tags VALUES ('Evolution 1', 'yeast', '2025-03-01T10:00:00.000Z');
INSERT INTO pioreactor_unit_labels VALUES ('Evolution 1', 'pio1', 'WT', '2025-03-01T10:00:00.000Z');
INSERT INTO workers VALUES ('pio1', '2025-01-01T10:00:00.000Z', 'pioreactor_20ml', '1.1', 1);
INSERT INTO experiment_worker_assignments VALUES ('pio1', 'Evolution 1', '2025-03-01T10:00:00.000Z');
INSERT INTO experiment_worker_assignments_history VALUES ('pio1', 'Evolution 1', '2025-03-01T10:00:00.000Z', NULL);
INSERT INTO dosing_automation_settings VALUES (
    'Evolution 1', 'pio1', '2025-03-01T10:00:00.000Z', NULL, 'turbidostat', x'7b7d');
INSERT INTO experiment_profile_runs VALUES ('2025-03-01T10:00:00.000Z', 'growth', 'Evolution 1');
INSERT INTO config_files_histories VALUES ('2025-03-01T10:00:00.000Z', 'config.ini', '[stirring.config]');
"""
CALIBRATION = """
calibration_type: simple_peristaltic_pump
calibration_name: pump-2025
calibrated_on_pioreactor_unit: pio1
created_at: 2025-02-01T10:00:00.000000Z
curve_data_: {type: poly, coefficients: [1.0, 0.0]}
x: Duration
y: Volume
recorded_data: {x: [1.0, 2.0], y: [1.0, 2.0]}
hz: 250.0
dc: 100.0
voltage: 12.0
"""
ACTIVE = """
CREATE TABLE cache_active_calibrations (key PRIMARY KEY, value BLOB);
INSERT INTO cache_active_calibrations VALUES ('media_pump', 'pump-2025'), ('waste_pump', 'gone');
"""
PROFILE = "version: '1.0'\nexperiment_profile_name: growth\n"
CONFIG = """
[cluster.topology]
leader_hostname=oldleader
leader_address=oldleader.local
[mqtt]
broker_address=oldleader.local
[stirring.config]
initial_target_rpm=432
use_rpm=fast
[bubbler.config]
pin=7
"""


def make_reference_leader(folder: Path, *, rows: int = 100) -> Path:
    """Make the folder `.pioreactor` of a leader with this many rows in each table of readings; return it."""
    root = folder / ".pioreactor"
    files = {
        "config.ini": CONFIG,
        "unit_config.ini": "[PWM]\n1=stirring\n",
        "config_pio2.ini": "[PWM]\n",
        "storage/calibrations/media_pump/pump-2025.yaml": CALIBRATION,
        "storage/calibrations/media_pump/broken.yaml": "calibration_type: [",
        "experiment_profiles/growth.yaml": PROFILE,
        "exportable_datasets/mine.yaml": "dataset_name: mine\ntable: ph_readings\n",
        "plugins/lamp_of_old.py": "__plugin_version__ = '1'\n",
        "plugins/broken_of_old.py": "import nothing_of_that_name\n",
        "ui/jobs/01_stirring.yaml": "built in",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    with closing(sqlite3.connect(root / "storage" / "pioreactor.sqlite")) as connection:
        connection.executescript(TABLES)
        for table, columns in STREAMS.items():
            _fill(connection, table, columns, rows)
        connection.commit()
    with closing(sqlite3.connect(root / "storage" / "local_persistent_pioreactor_metadata.sqlite")) as connection:
        connection.executescript(ACTIVE)
    return root


def _fill(connection: sqlite3.Connection, table: str, columns: tuple[Column, ...], rows: int) -> None:
    names, values = ", ".join(column[0] for column in columns), ", ".join(column[2] for column in columns)
    connection.execute(
        f"""WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
        INSERT INTO {table} (experiment, pioreactor_unit, timestamp, {names})
        SELECT CASE WHEN i % 3 THEN 'Evolution 1' ELSE 'Ö & 2' END, 'pio' || (i % 4),
        strftime('%Y-%m-%dT%H:%M:%fZ', 1740823200 + i * 5, 'unixepoch'), {values} FROM n""",
        (rows,),
    )
