"""Find an entry of the audit trail by the request that it is of."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("idx_audit_trail_request_id", "audit_trail", ["request_id"])


def downgrade() -> None:
    op.drop_index("idx_audit_trail_request_id", "audit_trail")
