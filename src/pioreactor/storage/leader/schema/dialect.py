"""The few expressions that databases write differently: nothing else in `repositories` names a dialect."""

from sqlalchemy import Boolean, Integer, Table, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement, FromClause, TableClause
from sqlalchemy.sql.functions import FunctionElement


class _InsertionOrder(FunctionElement[int]):
    inherit_cache = True
    type = Integer()
    name = "insertion_order"


class _IsNumber(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()
    name = "is_number"


def insertion_order(table: Table | TableClause) -> ColumnElement[int]:
    """Return the number of a row: it grows as rows are inserted. The table has no declared primary key."""
    return _InsertionOrder(next(iter(table.c)))


class _InOrderOfNumbers(FunctionElement[str]):
    inherit_cache = True
    type = Text()
    name = "in_order_of_numbers"


def in_order_of_numbers(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return a column by which no index is searched: the rows are found by their numbers instead."""
    return _InOrderOfNumbers(column)


def is_number(column: ColumnElement[float]) -> ColumnElement[bool]:
    """Return whether a stored value is a number; databases with strict types have only such values or NULL."""
    return _IsNumber(column)


@compiles(_InsertionOrder, "sqlite")
def _rowid(element: _InsertionOrder, compiler: SQLCompiler, **_: object) -> str:
    [column] = element.clauses
    table: FromClause = column.table
    return f"{compiler.preparer.format_table(table)}.rowid"


@compiles(_InOrderOfNumbers, "sqlite")
def _unary_plus(element: _InOrderOfNumbers, compiler: SQLCompiler, **_: object) -> str:
    return f"+{compiler.process(element.clauses)}"


@compiles(_InOrderOfNumbers)
def _plain(element: _InOrderOfNumbers, compiler: SQLCompiler, **_: object) -> str:
    return compiler.process(element.clauses)


@compiles(_IsNumber, "sqlite")
def _typeof(element: _IsNumber, compiler: SQLCompiler, **_: object) -> str:
    return f"typeof({compiler.process(element.clauses)}) IN ('real', 'integer')"


@compiles(_IsNumber)
def _is_not_null(element: _IsNumber, compiler: SQLCompiler, **_: object) -> str:
    return f"{compiler.process(element.clauses)} IS NOT NULL"
