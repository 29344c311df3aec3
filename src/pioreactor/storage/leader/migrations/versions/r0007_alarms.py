"""Add alarms: their rules, their history, who shelved them, and the messages about them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", sa.Integer, primary_key=True),
        *(_text("rule"), _text("pioreactor_unit"), _text("experiment"), _text("title"), _text("severity")),
        *(_text("message"), _text("remedy"), _integer("needs_acknowledgment"), _integer("occurrences")),
        *(_text("raised_at"), _text("cleared_at", nullable=True), _text("acknowledged_at", nullable=True)),
        *(_text("acknowledged_by", nullable=True), _text("note", nullable=True)),
        _text("escalated_at", nullable=True),
    )
    op.create_index("idx_alarms_raised_at", "alarms", ["raised_at"])
    op.create_index("idx_alarms_cleared_at_acknowledged_at", "alarms", ["cleared_at", "acknowledged_at"])
    op.create_table(
        "alarm_events",
        sa.Column("id", sa.Integer, primary_key=True),
        *(_integer("alarm_id"), _text("timestamp"), _text("event"), _text("username", nullable=True)),
        _text("message"),
    )
    op.create_index("idx_alarm_events_alarm_id", "alarm_events", ["alarm_id"])
    op.create_table(
        "alarm_shelves",
        *(_text("rule"), _text("pioreactor_unit"), _text("experiment")),
        *(_text("until"), _text("username"), _text("note")),
        sa.PrimaryKeyConstraint("rule", "pioreactor_unit", "experiment"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alarm_rules",
        *(_text("name"), _text("declared", nullable=True), _text("changes", nullable=True)),
        *(_text("username", nullable=True), _text("updated_at")),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alarm_channels",
        *(_text("name"), _text("document"), _integer("through_event"), _text("updated_at")),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alarm_deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        *(_text("channel"), _text("document"), _text("state"), _integer("attempts"), _text("created_at")),
        *(_text("attempted_at", nullable=True), _text("finished_at", nullable=True), _text("error", nullable=True)),
    )
    op.create_index("idx_alarm_deliveries_state_channel", "alarm_deliveries", ["state", "channel"])


def downgrade() -> None:
    for table in ("alarms", "alarm_events", "alarm_shelves", "alarm_rules", "alarm_channels", "alarm_deliveries"):
        op.drop_table(table)
