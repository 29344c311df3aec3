"""The tables of the leader's database as SQLAlchemy sees them."""

import re
from typing import Any

from sqlalchemy import (
    BLOB,
    REAL,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from pioreactor.storage.leader import tables

_KINDS: dict[tables.Kind, type[TypeEngine[Any]]] = {"text": Text, "real": REAL, "integer": Integer, "blob": BLOB}


def metadata() -> MetaData:
    """Return a fresh description of every table and index."""
    described = MetaData()
    for table in tables.TABLES.values():
        _add(described, table)
    return described


def index_name(table: str, columns: tuple[str, ...]) -> str:
    return f"idx_{table}_{'_'.join(columns)}"


def column_of(column: tables.Column) -> Column[Any]:
    default = None if column.default is None else text(str(column.default))
    return Column(column.name, _KINDS[column.kind], nullable=not column.needed, server_default=default)


def _add(described: MetaData, table: tables.Table) -> None:
    constraints: list[SchemaItem] = [UniqueConstraint(*columns) for columns in table.unique]
    constraints += [CheckConstraint(_among(column)) for column in table.columns if column.among]
    constraints += [
        ForeignKeyConstraint([column], [f"{other}.{column}"], ondelete="CASCADE") for column, other in table.references
    ]
    if table.primary_key:
        constraints.append(PrimaryKeyConstraint(*table.primary_key))
    made = Table(
        table.name,
        described,
        *(column_of(column) for column in table.columns),
        *constraints,
        # A table that is found by its key alone is stored as that key's index, once instead of twice.
        sqlite_with_rowid=not table.primary_key,
    )
    for columns in table.indices:
        Index(index_name(table.name, columns), *(made.c[name] for name in columns))


def _among(column: tables.Column) -> str:
    values = ", ".join(re.sub(r"^'|'$", "'", repr(value)) for value in column.among)
    return f"{column.name} IN ({values})"
