"""Add roles of people, and the limits of people and of tokens. Who could sign in before may do what they could."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("role", sa.Text, nullable=False, server_default="manager"))
    op.add_column("people", sa.Column("units", sa.Text))
    op.add_column("people", sa.Column("experiments", sa.Text))
    op.add_column("access_tokens", sa.Column("rights", sa.Text))


def downgrade() -> None:
    """Leave the columns in place: nothing else reads them."""
