"""Add the choice of charts of each experiment; databases of the reference since 26.11 have it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "experiment_chart_preferences"


def upgrade() -> None:
    if TABLE not in sa.inspect(op.get_bind()).get_table_names():
        op.create_table(
            TABLE,
            sa.Column("experiment", sa.Text, nullable=False),
            sa.Column("overview_chart_keys", sa.Text),
            sa.Column("pioreactor_chart_keys", sa.Text),
            sa.UniqueConstraint("experiment"),
        )


def downgrade() -> None:
    """Leave the table in place: nothing else reads it."""
