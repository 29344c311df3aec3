"""How a table of the schema is created in PostgreSQL: its types, the numbers of its rows, its partitions by week.

The revisions are those of SQLite: Alembic is given this way to create a table.
"""

from typing import Final
from zlib import crc32

from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import (
    BLOB,
    REAL,
    BigInteger,
    Column,
    Connection,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
)
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import TypeEngine

from pioreactor.storage.leader.postgresql import NUMBERED
from pioreactor.storage.leader.postgresql.weekly_partitions import partitioned_tables

MAX_NAME: Final = 63
_OTHERS: Final = "other_weeks"


def adapted(table: Table) -> Table:
    """Return a table as PostgreSQL has it; one without a key gets numbers of rows."""
    metadata = MetaData()
    for known in table.metadata.tables.values():
        known.to_metadata(metadata)
    copy = metadata.tables[table.name]
    for column in copy.columns:
        column.type = _adapted_type(column.type)
    if not copy.primary_key.columns:
        is_partitioned = table.name in partitioned_tables()
        copy.append_column(Column(NUMBERED, BigInteger, Identity(always=False), nullable=False))
        if is_partitioned:
            copy.dialect_options["postgresql"]["partition_by"] = "RANGE (timestamp)"
            Index(f"idx_{table.name}_{NUMBERED}", copy.c[NUMBERED])
        else:
            copy.append_constraint(PrimaryKeyConstraint(NUMBERED))
    return copy


def _adapted_type(kind: TypeEngine[object]) -> TypeEngine[object]:
    if isinstance(kind, REAL):
        return Double()
    if isinstance(kind, BLOB):
        return LargeBinary()  # type: ignore[return-value]  # types are invariant
    if isinstance(kind, Integer):
        return BigInteger()  # type: ignore[return-value]
    return kind


def create(connection: Connection, table: Table) -> None:
    """Create a table with its indices; one with partitions has that of rows of other weeks."""
    copy = adapted(table)
    connection.execute(CreateTable(copy))
    for index in copy.indexes:
        connection.execute(CreateIndex(with_short_name(index)))
    if table.name in partitioned_tables():
        connection.exec_driver_sql(f'CREATE TABLE "{table.name}_{_OTHERS}" PARTITION OF "{table.name}" DEFAULT')


def with_short_name(index: Index) -> Index:
    """Return the index with a name of a length that PostgreSQL takes."""
    name = str(index.name)
    if len(name) > MAX_NAME:
        index.name = quoted_name(f"{name[: MAX_NAME - 9]}_{crc32(name.encode()):08x}", quote=None)
    return index


class TablesOfTheLeader(PostgresqlImpl):
    """What Alembic runs a revision with."""

    __dialect__ = "postgresql"

    def create_table(self, table: Table, **_: object) -> None:
        assert self.connection is not None
        create(self.connection, table)

    def create_index(self, index: Index, **options: bool) -> None:
        super().create_index(with_short_name(index), **options)

    def add_column(self, table_name: str, column: Column[object], **options: object) -> None:
        column.type = _adapted_type(column.type)
        super().add_column(table_name, column, **options)  # type: ignore[arg-type]
