"""Everything; and a database of the reference is adopted, its data untouched."""

from alembic import op

from pioreactor.storage.leader.schema_sync import complete

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    complete(op.get_bind())


def downgrade() -> None:
    """Leave everything where it is: the reference reads these tables too."""
