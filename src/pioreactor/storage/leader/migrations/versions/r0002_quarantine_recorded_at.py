"""Add the moment of recording to quarantined messages: retried ones are stored with it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("quarantined_rows")}
    # Early databases of revision 0001 lack the topic; an adopted one may have both columns.
    for name in ("topic", "recorded_at"):
        if name not in present:
            op.add_column("quarantined_rows", sa.Column(name, sa.Text))


def downgrade() -> None:
    """Leave the column in place: nothing else reads it."""
