"""Add when an access token was last used, so that people can see which ones to revoke."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("access_tokens")}
    if "last_used_at" not in present:
        op.add_column("access_tokens", sa.Column("last_used_at", sa.Text))


def downgrade() -> None:
    """Leave the column in place: nothing else reads it."""
