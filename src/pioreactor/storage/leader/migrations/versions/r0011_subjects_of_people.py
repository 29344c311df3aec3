"""By which issuer a person signs in."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("subject", sa.Text))
    op.create_index("idx_people_subject", "people", ["subject"], unique=True)


def downgrade() -> None:
    op.drop_index("idx_people_subject", "people")
    op.drop_column("people", "subject")
