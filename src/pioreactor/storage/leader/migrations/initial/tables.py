"""The tables of revision 0001, written out: revisions do not follow later changes of the schema."""

from sqlalchemy import (
    BLOB,
    REAL,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

TABLES = MetaData()

Table(
    "access_tokens",
    TABLES,
    Column("token_hash", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text),
    PrimaryKeyConstraint("token_hash"),
    Index("idx_access_tokens_username", "username"),
    sqlite_with_rowid=False,
)
Table(
    "alt_media_fractions",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("alt_media_fraction", REAL, nullable=False),
    Index("idx_alt_media_fractions_experiment_pioreactor_unit_timestamp", "experiment", "pioreactor_unit", "timestamp"),
)
Table(
    "calibrations",
    TABLES,
    Column("pioreactor_unit", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("is_current", Integer, server_default=text("0")),
    Column("set_to_current_at", Text),
    UniqueConstraint("pioreactor_unit", "type", "name"),
)
Table(
    "config_files_histories",
    TABLES,
    Column("timestamp", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("idx_config_files_histories_filename", "filename"),
)
Table(
    "dosing_automation_events",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("event_name", Text, nullable=False),
    Column("message", Text),
    Column("data", Text),
    Index("idx_dosing_automation_events_experiment_pioreactor_unit", "experiment", "pioreactor_unit"),
)
Table(
    "dosing_automation_settings",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("automation_name", Text, nullable=False),
    Column("settings", BLOB, nullable=False),
    Index("idx_dosing_automation_settings_experiment_pioreactor_unit", "experiment", "pioreactor_unit"),
)
Table(
    "dosing_events",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("volume_change_ml", REAL, nullable=False),
    Column("source_of_event", Text),
    Index("idx_dosing_events_experiment_pioreactor_unit_timestamp", "experiment", "pioreactor_unit", "timestamp"),
)
Table(
    "experiment_profile_runs",
    TABLES,
    Column("started_at", Text, nullable=False),
    Column("experiment_profile_name", Text, nullable=False),
    Column("experiment", Text, nullable=False),
    Index("idx_experiment_profile_runs_experiment", "experiment"),
)
Table(
    "experiment_tags",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    PrimaryKeyConstraint("experiment", "tag"),
    Index("idx_experiment_tags_experiment_created_at_tag", "experiment", "created_at", "tag"),
    sqlite_with_rowid=False,
)
Table(
    "experiment_worker_assignments_history",
    TABLES,
    Column("pioreactor_unit", Text, nullable=False),
    Column("experiment", Text, nullable=False),
    Column("assigned_at", Text, nullable=False),
    Column("unassigned_at", Text),
    UniqueConstraint("pioreactor_unit", "experiment", "assigned_at"),
    Index(
        "idx_experiment_worker_assignments_history_experiment_pioreactor_unit_assigned_at_unassigned_at",
        "experiment",
        "pioreactor_unit",
        "assigned_at",
        "unassigned_at",
    ),
)
Table(
    "experiments",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("description", Text),
    UniqueConstraint("experiment"),
    UniqueConstraint("created_at", "experiment", "description"),
)
Table(
    "growth_rates",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("rate", REAL, nullable=False),
    Index("idx_growth_rates_experiment_pioreactor_unit_timestamp", "experiment", "pioreactor_unit", "timestamp"),
)
Table(
    "ir_led_intensities",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("relative_intensity", REAL, nullable=False),
    Index("idx_ir_led_intensities_experiment_pioreactor_unit", "experiment", "pioreactor_unit"),
)
Table(
    "journal_progress",
    TABLES,
    Column("unit", Text, nullable=False),
    Column("journal_id", Text, nullable=False),
    Column("through_seq", Integer, nullable=False),
    PrimaryKeyConstraint("unit", "journal_id"),
    sqlite_with_rowid=False,
)
Table(
    "led_automation_events",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("event_name", Text, nullable=False),
    Column("message", Text),
    Column("data", Text),
    Index("idx_led_automation_events_experiment_pioreactor_unit", "experiment", "pioreactor_unit"),
)
Table(
    "led_automation_settings",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("automation_name", Text, nullable=False),
    Column("settings", BLOB, nullable=False),
    Index("idx_led_automation_settings_experiment_pioreactor_unit", "experiment", "pioreactor_unit"),
)
Table(
    "led_change_events",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("intensity", REAL, nullable=False),
    Column("source_of_event", Text),
    CheckConstraint("channel IN ('A', 'B', 'C', 'D')"),
    Index("idx_led_change_events_experiment_pioreactor_unit", "experiment", "pioreactor_unit"),
)
Table(
    "liquid_volumes",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("liquid_volume", REAL, nullable=False),
    Index("idx_liquid_volumes_experiment_pioreactor_unit_timestamp", "experiment", "pioreactor_unit", "timestamp"),
)
Table(
    "logs",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("level", Text),
    Column("task", Text),
    Index("idx_logs_experiment_timestamp", "experiment", "timestamp"),
    Index("idx_logs_experiment_level_timestamp", "experiment", "level", "timestamp"),
    Index("idx_logs_pioreactor_unit_timestamp", "pioreactor_unit", "timestamp"),
    Index("idx_logs_level_timestamp", "level", "timestamp"),
)
Table(
    "od_blanks",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("angle", Integer),
    Column("od_reading", REAL, nullable=False),
    CheckConstraint("channel IN ('1', '2')"),
    Index("idx_od_blanks_experiment_pioreactor_unit_timestamp", "experiment", "pioreactor_unit", "timestamp"),
)
Table(
    "od_readings",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("od_reading", REAL, nullable=False),
    Column("angle", Integer, nullable=False),
    Column("channel", Integer, nullable=False),
    CheckConstraint("channel IN (1, 2, 3, 4)"),
    Index(
        "idx_od_readings_experiment_pioreactor_unit_channel_timestamp",
        "experiment",
        "pioreactor_unit",
        "channel",
        "timestamp",
    ),
)
Table(
    "od_readings_filtered",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("normalized_od_reading", REAL, nullable=False),
    Index(
        "idx_od_readings_filtered_experiment_pioreactor_unit_timestamp", "experiment", "pioreactor_unit", "timestamp"
    ),
)
Table(
    "od_readings_fused",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("od_reading", REAL, nullable=False),
    Index("idx_od_readings_fused_experiment_pioreactor_unit_timestamp", "experiment", "pioreactor_unit", "timestamp"),
)
Table(
    "people",
    TABLES,
    Column("username", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    PrimaryKeyConstraint("username"),
    sqlite_with_rowid=False,
)
Table(
    "pioreactor_unit_activity_data",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("od_reading", REAL),
    Column("od_fused", REAL),
    Column("normalized_od_reading", REAL),
    Column("temperature_c", REAL),
    Column("growth_rate", REAL),
    Column("measured_rpm", REAL),
    Column("led_a_intensity_update", REAL),
    Column("led_b_intensity_update", REAL),
    Column("led_c_intensity_update", REAL),
    Column("led_d_intensity_update", REAL),
    Column("add_media_ml", REAL),
    Column("remove_waste_ml", REAL),
    Column("add_alt_media_ml", REAL),
    PrimaryKeyConstraint("experiment", "pioreactor_unit", "timestamp"),
    sqlite_with_rowid=False,
)
Table(
    "pioreactor_unit_labels",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    UniqueConstraint("pioreactor_unit", "experiment"),
    UniqueConstraint("label", "experiment"),
    Index("idx_pioreactor_unit_labels_experiment_pioreactor_unit", "experiment", "pioreactor_unit"),
)
Table(
    "pwm_dcs",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("channel_1", REAL),
    Column("channel_2", REAL),
    Column("channel_3", REAL),
    Column("channel_4", REAL),
    Column("channel_5", REAL),
    Index("idx_pwm_dcs_experiment_pioreactor_unit", "experiment", "pioreactor_unit"),
)
Table(
    "quarantined_rows",
    TABLES,
    Column("received_at", Text, nullable=False),
    Column("pioreactor_unit", Text),
    Column("topic", Text),
    Column("table_name", Text),
    Column("payload", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("idx_quarantined_rows_received_at", "received_at"),
)
Table(
    "raw_od_readings",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("od_reading", REAL, nullable=False),
    Column("channel", Integer, nullable=False),
    CheckConstraint("channel IN (1, 2, 3, 4)"),
    Index(
        "idx_raw_od_readings_experiment_pioreactor_unit_channel_timestamp",
        "experiment",
        "pioreactor_unit",
        "channel",
        "timestamp",
    ),
)
Table(
    "stirring_rates",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("measured_rpm", REAL, nullable=False),
    Index("idx_stirring_rates_experiment_pioreactor_unit_timestamp", "experiment", "pioreactor_unit", "timestamp"),
)
Table(
    "temperature_automation_events",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("event_name", Text, nullable=False),
    Column("message", Text),
    Column("data", Text),
    Index("idx_temperature_automation_events_experiment_pioreactor_unit", "experiment", "pioreactor_unit"),
)
Table(
    "temperature_automation_settings",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("automation_name", Text, nullable=False),
    Column("settings", BLOB, nullable=False),
    Index("idx_temperature_automation_settings_experiment_pioreactor_unit", "experiment", "pioreactor_unit"),
)
Table(
    "temperature_readings",
    TABLES,
    Column("experiment", Text, nullable=False),
    Column("pioreactor_unit", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Column("temperature_c", REAL, nullable=False),
    Index(
        "idx_temperature_readings_experiment_pioreactor_unit_timestamp", "experiment", "pioreactor_unit", "timestamp"
    ),
)
Table(
    "workers",
    TABLES,
    Column("pioreactor_unit", Text, nullable=False),
    Column("added_at", Text, nullable=False),
    Column("model_name", Text),
    Column("model_version", Text),
    Column("is_active", Integer, nullable=False, server_default=text("1")),
    UniqueConstraint("pioreactor_unit"),
)
Table(
    "experiment_worker_assignments",
    TABLES,
    Column("pioreactor_unit", Text, nullable=False),
    Column("experiment", Text, nullable=False),
    Column("assigned_at", Text, nullable=False),
    UniqueConstraint("pioreactor_unit"),
    ForeignKeyConstraint(["experiment"], ["experiments.experiment"], ondelete="CASCADE"),
    ForeignKeyConstraint(["pioreactor_unit"], ["workers.pioreactor_unit"], ondelete="CASCADE"),
    Index("idx_experiment_worker_assignments_experiment", "experiment"),
)
