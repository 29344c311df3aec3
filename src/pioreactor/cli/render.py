"""Prints values for people (aligned columns) or for programs (JSON)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import click
import msgspec

from pioreactor.cli.table_lines import cell_text, table_lines

Item = TypeVar("Item")


def print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_result(value: object, as_json: bool, *text: str | Callable[[], object]) -> None:
    """Print the result of a command: `value` as JSON for programs, the lines of `text` for people.

    A function in `text` prints by itself, and is called only for people.
    """
    if as_json:
        print_json(value)
        return
    for part in text:
        click.echo(part) if isinstance(part, str) else part()


def print_table(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, none: str = "Nothing.") -> None:
    """Print rows under their column names; `none` when there are no rows."""
    if not rows:
        click.echo(none)
        return
    titles, *lines = table_lines(rows, columns)
    click.echo(click.style(titles, bold=True))
    for line in lines:
        click.echo(line)


def print_rows(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool, none: str = "Nothing."
) -> None:
    """Print rows as JSON, or some columns of them as a table."""
    print_result(rows, as_json, lambda: print_table(rows, columns, none=none))


def print_list(
    items: Sequence[Item], row: Callable[[Item], Mapping[str, object]], *, as_json: bool, none: str = "Nothing."
) -> None:
    """Print items as JSON, or a table with a row for each, whose keys name the columns."""

    def table() -> None:
        rows = [row(item) for item in items]
        print_table(rows, list(rows[0]) if rows else [], none=none)

    print_result(items, as_json, table)


def print_pairs(pairs: Mapping[str, object]) -> None:
    """Print `name  value` lines."""
    width = max((len(name) for name in pairs), default=0)
    for name, value in pairs.items():
        click.echo(f"{name:<{width}}  {cell_text(value)}".rstrip())
