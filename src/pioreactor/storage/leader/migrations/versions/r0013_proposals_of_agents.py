"""Add proposals of agents, and what their acts used up."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agent_proposals",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("id", "created_at", "expires_at", "username", "token")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("status", "content", "digest", "rehearsal")),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at", sa.Text),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("committed_at", sa.Text),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index("idx_agent_proposals_created_at", "agent_proposals", ["created_at"])
    op.create_table(
        "agent_acts",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("timestamp", "username", "token", "tool")),
        sa.Column("media_ml", sa.REAL, nullable=False),
        sa.Column("celsius_hours", sa.REAL, nullable=False),
    )
    op.create_index("idx_agent_acts_username_token_timestamp", "agent_acts", ["username", "token", "timestamp"])


def downgrade() -> None:
    """Leave the tables in place: nothing else reads them."""
