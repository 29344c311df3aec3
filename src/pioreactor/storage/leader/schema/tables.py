"""The tables of the cluster and of the leader itself. Those of recorded quantities are in `streams`."""

from typing import Final

from sqlalchemy import (
    REAL,
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

METADATA: Final = MetaData()


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _index(table: str, *columns: str) -> Index:
    return Index(f"idx_{table}_{'_'.join(columns)}", *columns)


experiments: Final = Table(
    "experiments",
    METADATA,
    _text("experiment"),
    _text("created_at"),
    _text("description", nullable=True),
    UniqueConstraint("experiment"),
    UniqueConstraint("created_at", "experiment", "description"),
)
experiment_tags: Final = Table(
    "experiment_tags",
    METADATA,
    _text("experiment"),
    _text("tag"),
    _text("created_at"),
    PrimaryKeyConstraint("experiment", "tag"),
    _index("experiment_tags", "experiment", "created_at", "tag"),
    # A table that is found by its key alone is stored as that key's index, once instead of twice.
    sqlite_with_rowid=False,
)
chart_preferences: Final = Table(
    "experiment_chart_preferences",
    METADATA,
    _text("experiment"),
    _text("overview_chart_keys", nullable=True),
    _text("pioreactor_chart_keys", nullable=True),
    UniqueConstraint("experiment"),
)
unit_labels: Final = Table(
    "pioreactor_unit_labels",
    METADATA,
    _text("experiment"),
    _text("pioreactor_unit"),
    _text("label"),
    _text("created_at"),
    UniqueConstraint("pioreactor_unit", "experiment"),
    UniqueConstraint("label", "experiment"),
    _index("pioreactor_unit_labels", "experiment", "pioreactor_unit"),
)
workers: Final = Table(
    "workers",
    METADATA,
    _text("pioreactor_unit"),
    _text("added_at"),
    _text("model_name", nullable=True),
    _text("model_version", nullable=True),
    Column("is_active", Integer, nullable=False, server_default=text("1")),
    UniqueConstraint("pioreactor_unit"),
)
assignments: Final = Table(
    "experiment_worker_assignments",
    METADATA,
    _text("pioreactor_unit"),
    _text("experiment"),
    _text("assigned_at"),
    UniqueConstraint("pioreactor_unit"),
    ForeignKeyConstraint(["experiment"], ["experiments.experiment"], ondelete="CASCADE"),
    ForeignKeyConstraint(["pioreactor_unit"], ["workers.pioreactor_unit"], ondelete="CASCADE"),
    _index("experiment_worker_assignments", "experiment"),
)
assignments_history: Final = Table(
    "experiment_worker_assignments_history",
    METADATA,
    _text("pioreactor_unit"),
    _text("experiment"),
    _text("assigned_at"),
    _text("unassigned_at", nullable=True),
    UniqueConstraint("pioreactor_unit", "experiment", "assigned_at"),
    _index("experiment_worker_assignments_history", "experiment", "pioreactor_unit", "assigned_at", "unassigned_at"),
)
config_files_histories: Final = Table(
    "config_files_histories",
    METADATA,
    _text("timestamp"),
    _text("filename"),
    _text("data"),
    _index("config_files_histories", "filename"),
)
calibrations: Final = Table(
    "calibrations",
    METADATA,
    _text("pioreactor_unit"),
    _text("created_at"),
    _text("type"),
    _text("data"),
    _text("name"),
    Column("is_current", Integer, server_default=text("0")),
    _text("set_to_current_at", nullable=True),
    UniqueConstraint("pioreactor_unit", "type", "name"),
)
journal_progress: Final = Table(
    "journal_progress",
    METADATA,
    _text("unit"),
    _text("journal_id"),
    Column("through_seq", Integer, nullable=False),
    PrimaryKeyConstraint("unit", "journal_id"),
    sqlite_with_rowid=False,
)
quarantined_rows: Final = Table(
    "quarantined_rows",
    METADATA,
    _text("received_at"),
    _text("pioreactor_unit", nullable=True),
    _text("topic", nullable=True),
    _text("table_name", nullable=True),
    _text("payload"),
    _text("reason"),
    _text("recorded_at", nullable=True),
    _index("quarantined_rows", "received_at"),
)
people: Final = Table(
    "people",
    METADATA,
    _text("username"),
    _text("password_hash"),
    _text("created_at"),
    Column("role", Text, nullable=False, server_default=text("'manager'")),
    # Lists of names as JSON; null: no limit.
    _text("units", nullable=True),
    _text("experiments", nullable=True),
    # Issuer and subject of a person who signs in by OpenID Connect; null: by password only.
    _text("subject", nullable=True),
    PrimaryKeyConstraint("username"),
    sqlite_with_rowid=False,
)
Index("idx_people_subject", people.c.subject, unique=True)
access_tokens: Final = Table(
    "access_tokens",
    METADATA,
    _text("token_hash"),
    _text("label"),
    _text("username"),
    _text("created_at"),
    _text("expires_at", nullable=True),
    _text("last_used_at", nullable=True),
    # JSON; null: those of the person.
    _text("rights", nullable=True),
    PrimaryKeyConstraint("token_hash"),
    _index("access_tokens", "username"),
    sqlite_with_rowid=False,
)
alarms: Final = Table(
    "alarms",
    METADATA,
    Column("id", Integer, primary_key=True),
    _text("rule"),
    _text("pioreactor_unit"),
    _text("experiment"),
    _text("title"),
    _text("severity"),
    _text("message"),
    _text("remedy"),
    Column("needs_acknowledgment", Integer, nullable=False),
    Column("occurrences", Integer, nullable=False),
    _text("raised_at"),
    _text("cleared_at", nullable=True),
    _text("acknowledged_at", nullable=True),
    _text("acknowledged_by", nullable=True),
    _text("note", nullable=True),
    _text("escalated_at", nullable=True),
    _index("alarms", "raised_at"),
    _index("alarms", "cleared_at", "acknowledged_at"),
)
alarm_events: Final = Table(
    "alarm_events",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("alarm_id", Integer, nullable=False),
    _text("timestamp"),
    _text("event"),
    _text("username", nullable=True),
    _text("message"),
    _index("alarm_events", "alarm_id"),
)
alarm_shelves: Final = Table(
    "alarm_shelves",
    METADATA,
    _text("rule"),
    _text("pioreactor_unit"),
    _text("experiment"),
    _text("until"),
    _text("username"),
    _text("note"),
    PrimaryKeyConstraint("rule", "pioreactor_unit", "experiment"),
    sqlite_with_rowid=False,
)
alarm_rules: Final = Table(
    "alarm_rules",
    METADATA,
    _text("name"),
    _text("declared", nullable=True),
    _text("changes", nullable=True),
    _text("username", nullable=True),
    _text("updated_at"),
    PrimaryKeyConstraint("name"),
    sqlite_with_rowid=False,
)
alarm_channels: Final = Table(
    "alarm_channels",
    METADATA,
    _text("name"),
    _text("document"),
    Column("through_event", Integer, nullable=False),
    _text("updated_at"),
    PrimaryKeyConstraint("name"),
    sqlite_with_rowid=False,
)
alarm_deliveries: Final = Table(
    "alarm_deliveries",
    METADATA,
    Column("id", Integer, primary_key=True),
    _text("channel"),
    _text("document"),
    _text("state"),
    Column("attempts", Integer, nullable=False),
    _text("created_at"),
    _text("attempted_at", nullable=True),
    _text("finished_at", nullable=True),
    _text("error", nullable=True),
    _index("alarm_deliveries", "state", "channel"),
)
audit_trail: Final = Table(
    "audit_trail",
    METADATA,
    # The key is the place in the chain: it is given, and never used again.
    Column("id", Integer, nullable=False),
    _text("timestamp"),
    _text("actor_kind"),
    _text("actor"),
    _text("token", nullable=True),
    _text("action"),
    _text("summary"),
    _text("outcome"),
    _text("unit", nullable=True),
    _text("experiment", nullable=True),
    _text("reason", nullable=True),
    _text("request_id"),
    _text("sent_at", nullable=True),
    _text("details"),
    _text("hash"),
    PrimaryKeyConstraint("id"),
    _index("audit_trail", "request_id"),
)
audit_heads: Final = Table(
    "audit_heads",
    METADATA,
    Column("id", Integer, nullable=False),
    _text("timestamp"),
    _text("hash"),
    _text("signature"),
    PrimaryKeyConstraint("id"),
)
invitations: Final = Table(
    "invitations",
    METADATA,
    _text("secret_hash"),
    _text("note"),
    _text("invited_by"),
    # JSON.
    _text("rights"),
    _text("created_at"),
    _text("expires_at"),
    _text("used_at", nullable=True),
    _text("used_by", nullable=True),
    _text("revoked_at", nullable=True),
    PrimaryKeyConstraint("secret_hash"),
    sqlite_with_rowid=False,
)
rollup_series: Final = Table(
    "rollup_series",
    METADATA,
    Column("id", Integer, primary_key=True),
    _text("table_name"),
    _text("column_name"),
    _text("experiment"),
    _text("pioreactor_unit"),
    # Empty where a unit has one series.
    _text("channel"),
    UniqueConstraint("experiment", "table_name", "column_name", "pioreactor_unit", "channel"),
)
rollup_buckets: Final = Table(
    "rollup_buckets",
    METADATA,
    Column("series_id", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    # Moment since 1970, in lengths of the level's buckets.
    Column("bucket", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    # Empty where it is no number, as that of infinite readings.
    Column("sum", REAL),
    *(
        column
        for name in ("min", "max", "first", "last")
        for column in (Column(name, REAL, nullable=False), _text(f"{name}_at"))
    ),
    PrimaryKeyConstraint("series_id", "level", "bucket"),
    sqlite_with_rowid=False,
)
rollup_progress: Final = Table(
    "rollup_progress",
    METADATA,
    _text("table_name"),
    # Number of the last row that is in the roll-ups: rows after it are not yet.
    Column("through", Integer, nullable=False),
    PrimaryKeyConstraint("table_name"),
    sqlite_with_rowid=False,
)
rollup_changes: Final = Table(
    "rollup_changes",
    METADATA,
    _text("table_name"),
    _text("experiment"),
    _text("pioreactor_unit"),
    _text("channel"),
    # The minute in which rows were deleted or changed, as stored moments begin.
    _text("minute"),
    PrimaryKeyConstraint("table_name", "experiment", "pioreactor_unit", "channel", "minute"),
    sqlite_with_rowid=False,
)
agent_proposals: Final = Table(
    "agent_proposals",
    METADATA,
    _text("id"),
    _text("created_at"),
    _text("expires_at"),
    # Whose agent it is, and the name of the token.
    _text("username"),
    _text("token"),
    # proposed, approved, rejected or committed.
    _text("status"),
    # JSON: what a person decides about; nothing of it changes.
    _text("content"),
    # SHA-256 of the content, which an approval names.
    _text("digest"),
    # JSON.
    _text("rehearsal"),
    _text("decided_by", nullable=True),
    _text("decided_at", nullable=True),
    _text("note"),
    _text("committed_at", nullable=True),
    PrimaryKeyConstraint("id"),
    _index("agent_proposals", "created_at"),
    sqlite_with_rowid=False,
)
agent_acts: Final = Table(
    "agent_acts",
    METADATA,
    Column("id", Integer, primary_key=True),
    _text("timestamp"),
    _text("username"),
    _text("token"),
    _text("tool"),
    Column("media_ml", REAL, nullable=False),
    Column("celsius_hours", REAL, nullable=False),
    _index("agent_acts", "username", "token", "timestamp"),
)
campaigns: Final = Table(
    "campaigns",
    METADATA,
    _text("campaign"),
    _text("experiment"),
    _text("created_at"),
    # YAML, as it was written; nothing of it changes.
    _text("definition"),
    _text("ended_at", nullable=True),
    PrimaryKeyConstraint("campaign"),
    sqlite_with_rowid=False,
)
campaign_arms: Final = Table(
    "campaign_arms",
    METADATA,
    _text("campaign"),
    Column("arm", Integer, nullable=False),
    _text("experiment"),
    _text("pioreactor_unit"),
    # waiting, running, done or withdrawn.
    _text("status"),
    # Arms of one setting are its replicates.
    Column("setting", Integer, nullable=False),
    Column("replicate", Integer, nullable=False),
    # JSON: values of the factors, and why.
    _text("suggestion"),
    _text("asked_at"),
    _text("started_at", nullable=True),
    PrimaryKeyConstraint("campaign", "arm"),
    sqlite_with_rowid=False,
)
campaign_results: Final = Table(
    "campaign_results",
    METADATA,
    Column("id", Integer, primary_key=True),
    _text("campaign"),
    Column("arm", Integer, nullable=False),
    _text("experiment"),
    # Absent: the arm has failed.
    Column("objective", REAL),
    _text("note"),
    _text("told_by"),
    _text("told_at"),
    _index("campaign_results", "campaign", "arm"),
)
