"""Quarantined messages keep the moment at which they were recorded: tried again, they are stored with it."""

from alembic import op

from pioreactor.storage.leader.schema_sync import complete

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    complete(op.get_bind())


def downgrade() -> None:
    """Leave the column where it is: nobody else reads it."""
