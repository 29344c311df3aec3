"""Add campaigns, their arms, and what these resulted in."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "campaigns",
        *_text("campaign", "experiment", "created_at", "definition"),
        sa.Column("ended_at", sa.Text),
        sa.PrimaryKeyConstraint("campaign"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "campaign_arms",
        *_text("campaign"),
        sa.Column("arm", sa.Integer, nullable=False),
        *_text("experiment", "pioreactor_unit", "status"),
        sa.Column("setting", sa.Integer, nullable=False),
        sa.Column("replicate", sa.Integer, nullable=False),
        *_text("suggestion", "asked_at"),
        sa.Column("started_at", sa.Text),
        sa.PrimaryKeyConstraint("campaign", "arm"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "campaign_results",
        sa.Column("id", sa.Integer, primary_key=True),
        *_text("campaign"),
        sa.Column("arm", sa.Integer, nullable=False),
        *_text("experiment"),
        sa.Column("objective", sa.REAL),
        *_text("note", "told_by", "told_at"),
    )
    op.create_index("idx_campaign_results_campaign_arm", "campaign_results", ["campaign", "arm"])


def downgrade() -> None:
    """Leave the tables in place: nothing else reads them."""
