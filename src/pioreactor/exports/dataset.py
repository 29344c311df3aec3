"""What describes a dataset: which rows, in which order, and what their columns mean."""

from __future__ import annotations

import re
from typing import Final

import msgspec

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset: the rows of a `table` or of a `query`. Plugins describe theirs in `exportable_datasets/*.yaml`.

    The rows are ordered by `default_order_by`, names of columns with an optional `ASC` or `DESC`. `timestamp_columns`
    are those that hold a UTC time; a time range is compared with the first of them.
    """

    dataset_name: str
    description: str
    display_name: str
    has_experiment: bool
    has_unit: bool
    default_order_by: str | None = None
    table: str | None = None
    query: str | None = None
    source: str = "app"
    timestamp_columns: tuple[str, ...] = ()
    always_partition_by_unit: bool = False
    column_descriptions: dict[str, str] = {}
    column_units: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Raise `ValueError` for a description that names no rows, or that no file can be named after."""
        if (self.table is None) == (self.query is None):
            raise ValueError("give either `table` or `query`")
        if not _NAME.fullmatch(self.dataset_name):
            raise ValueError("dataset_name may have letters, digits, - and _, up to 100")
        if self.query is not None and ";" in self.query.rstrip().rstrip(";"):
            raise ValueError("`query` must be one statement")
        self.order()

    def order(self) -> tuple[tuple[str, bool], ...]:
        """Return the columns of the order, and whether each is descending."""
        return tuple(_order_of(part) for part in (self.default_order_by or "").split(",") if part.strip())


def _order_of(part: str) -> tuple[str, bool]:
    words = part.split()
    direction = words[1].upper() if len(words) == 2 else "ASC"
    if len(words) > 2 or not re.fullmatch(r"[A-Za-z0-9_]+", words[0]) or direction not in ("ASC", "DESC"):
        raise ValueError(f"default_order_by: {part.strip()!r} is no column, with ASC or DESC")
    return words[0], direction == "DESC"
