"""The few expressions that databases write differently: nothing else in `repositories` names a dialect."""

from typing import TypeVar

from sqlalchemy import BigInteger, Boolean, Table, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement, FromClause, TableClause
from sqlalchemy.sql.functions import FunctionElement

T = TypeVar("T")


class _InsertionOrder(FunctionElement[int]):
    inherit_cache = True
    type = BigInteger()
    name = "insertion_order"


class _IsNumber(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()
    name = "is_number"


def insertion_order(table: Table | TableClause) -> ColumnElement[int]:
    """Return the number of a row: it grows as rows are inserted. The table has no declared primary key."""
    return _InsertionOrder(next(iter(table.c)))


class _NotIndexed(FunctionElement[object]):
    inherit_cache = True
    name = "not_indexed"


def not_indexed(column: ColumnElement[T]) -> ColumnElement[T]:
    """Return a column by which rows are compared, but not searched: another condition leads to fewer of them."""
    return type_coerce(_NotIndexed(column), column.type)


def is_number(column: ColumnElement[float]) -> ColumnElement[bool]:
    """Return whether a stored value is a number; databases with strict types have only such values or NULL."""
    return _IsNumber(column)


@compiles(_InsertionOrder)  # PostgreSQL has a column of this name
def _rowid(element: _InsertionOrder, compiler: SQLCompiler, **_: object) -> str:
    [column] = element.clauses
    table: FromClause = column.table
    return f"{compiler.preparer.format_table(table)}.rowid"


@compiles(_NotIndexed, "sqlite")
def _unary_plus(element: _NotIndexed, compiler: SQLCompiler, **_: object) -> str:
    return f"+{compiler.process(element.clauses)}"


@compiles(_NotIndexed)
def _plain(element: _NotIndexed, compiler: SQLCompiler, **_: object) -> str:
    return compiler.process(element.clauses)


@compiles(_IsNumber, "sqlite")
def _typeof(element: _IsNumber, compiler: SQLCompiler, **_: object) -> str:
    return f"typeof({compiler.process(element.clauses)}) IN ('real', 'integer')"


@compiles(_IsNumber)
def _is_not_null(element: _IsNumber, compiler: SQLCompiler, **_: object) -> str:
    column = compiler.process(element.clauses)
    return f"({column} IS NOT NULL AND pg_typeof({column})::text IN ('double precision', 'bigint'))"
