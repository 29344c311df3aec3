"""The tables of recorded quantities, made from their declarations."""

from typing import Final

from sqlalchemy import BLOB, REAL, CheckConstraint, Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

from pioreactor.measurements import ACTIVITY_TABLE, BUILT_IN, ColumnSpec, TableSpec
from pioreactor.measurements.spec import BY_TIME, ColumnKind
from pioreactor.storage.leader.schema.tables import METADATA

_TYPES: Final[dict[ColumnKind, Text | REAL[float] | Integer | BLOB]] = {
    "text": Text(),
    "real": REAL(),
    "integer": Integer(),
    "blob": BLOB(),
}


def table_from_spec(spec: TableSpec, metadata: MetaData) -> Table:
    """Return the table of a declaration, added to `metadata`."""
    table = Table(
        spec.name,
        metadata,
        *(Column(column.name, _TYPES[column.kind], nullable=not column.required) for column in spec.columns),
        *(_check(column) for column in spec.columns if column.allowed),
    )
    for columns in spec.indices:
        Index(f"idx_{spec.name}_{'_'.join(columns)}", *(table.c[name] for name in columns))
    return table


def _check(column: ColumnSpec) -> CheckConstraint:
    return CheckConstraint(f"{column.name} IN ({column.allowed_in_sql()})")


STREAM_TABLES: Final = (
    *(table_from_spec(spec.table, METADATA) for spec in BUILT_IN),
    Table(
        ACTIVITY_TABLE,
        METADATA,
        *(Column(name, Text, nullable=False) for name in BY_TIME),
        *(Column(column.name, REAL) for spec in BUILT_IN for column in spec.activity),
        PrimaryKeyConstraint(*BY_TIME),
        sqlite_with_rowid=False,
    ),
)
"""What the database writer and its triggers fill; the rows of an experiment are deleted with it."""
