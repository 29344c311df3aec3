"""Add the table of the 95 % bands of growth rates, so that charts show them for the past as well."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLE = "growth_rate_bands"
_KEY = ("experiment", "pioreactor_unit", "timestamp")


def upgrade() -> None:
    if _TABLE in sa.inspect(op.get_bind()).get_table_names():
        return
    op.create_table(
        _TABLE,
        *(sa.Column(name, sa.Text, nullable=False) for name in _KEY),
        *(sa.Column(name, sa.REAL, nullable=False) for name in ("lower_95", "upper_95")),
    )
    op.create_index(f"idx_{_TABLE}_{'_'.join(_KEY)}", _TABLE, _KEY)


def downgrade() -> None:
    """Leave the table in place: nothing else reads it."""
