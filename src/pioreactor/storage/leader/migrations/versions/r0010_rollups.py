"""Add the roll-ups of recorded quantities. They are filled while the leader runs, from the rows that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = (
    *(("od_readings", "channel"), ("raw_od_readings", "channel"), ("od_readings_fused", None)),
    *(("od_readings_filtered", None), ("temperature_readings", None), ("growth_rates", None)),
    *(("growth_rate_bands", None), ("stirring_rates", None), ("led_change_events", None), ("dosing_events", None)),
    *(("alt_media_fractions", None), ("liquid_volumes", None), ("ir_led_intensities", None), ("pwm_dcs", None)),
    ("od_blanks", None),
)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def upgrade() -> None:
    op.create_table(
        "rollup_series",
        sa.Column("id", sa.Integer, primary_key=True),
        *(_text("table_name"), _text("column_name"), _text("experiment"), _text("pioreactor_unit"), _text("channel")),
        sa.UniqueConstraint("experiment", "table_name", "column_name", "pioreactor_unit", "channel"),
    )
    extremes = ("min", "max", "first", "last")
    op.create_table(
        "rollup_buckets",
        *(_integer("series_id"), _integer("level"), _integer("bucket"), _integer("count"), sa.Column("sum", sa.REAL)),
        *(column for name in extremes for column in (sa.Column(name, sa.REAL, nullable=False), _text(f"{name}_at"))),
        sa.PrimaryKeyConstraint("series_id", "level", "bucket"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollup_progress",
        *(_text("table_name"), _integer("through")),
        sa.PrimaryKeyConstraint("table_name"),
        sqlite_with_rowid=False,
    )
    key = ("table_name", "experiment", "pioreactor_unit", "channel", "minute")
    op.create_table(
        "rollup_changes", *(_text(name) for name in key), sa.PrimaryKeyConstraint(*key), sqlite_with_rowid=False
    )
    if op.get_bind().dialect.name != "sqlite":
        return  # other databases get all declared triggers after the last revision
    op.execute(
        "CREATE TRIGGER delete_buckets_of_rollup_series AFTER DELETE ON rollup_series BEGIN"
        " DELETE FROM rollup_buckets WHERE series_id = old.id; END"
    )
    for table, channel in _TABLES:
        _create_triggers(table, channel)


def _create_triggers(table: str, channel: str | None) -> None:
    through = f"SELECT through FROM rollup_progress WHERE table_name = '{table}'"
    newest = f"SELECT COALESCE(MAX(rowid), 0) FROM {table}"

    def note(row: str) -> str:
        of_row = "''" if channel is None else f"COALESCE(CAST({row}.{channel} AS TEXT), '')"
        return (
            "INSERT OR IGNORE INTO rollup_changes (table_name, experiment, pioreactor_unit, channel, minute) VALUES "
            f"('{table}', {row}.experiment, {row}.pioreactor_unit, {of_row}, SUBSTR({row}.timestamp, 1, 16));"
        )

    op.execute(
        f"CREATE TRIGGER rollup_after_delete_of_{table} AFTER DELETE ON {table} "
        f"WHEN old.rowid <= ({through}) BEGIN {note('old')} "
        f"UPDATE rollup_progress SET through = ({newest}) WHERE table_name = '{table}' AND through > ({newest}); END"
    )
    op.execute(
        f"CREATE TRIGGER rollup_after_update_of_{table} AFTER UPDATE ON {table} "
        f"WHEN old.rowid <= ({through}) BEGIN {note('old')} {note('new')} END"
    )


def downgrade() -> None:
    """Leave the tables in place: nothing else reads them."""
