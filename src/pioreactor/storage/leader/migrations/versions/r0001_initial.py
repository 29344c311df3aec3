"""Create the schema; complete a database that other software created, its data untouched."""

from alembic import op

from pioreactor.storage.leader.migrations.initial.complete import complete

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    complete(op.get_bind())


def downgrade() -> None:
    """Leave everything in place: other software reads these tables too."""
