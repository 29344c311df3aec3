"""Tables as CSV, and as Parquet where the package for it is installed."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Final, Literal

from pioreactor.exc import InvalidRequestError
from pioreactor.exports.rows import ExportedColumn
from pioreactor.measurements.spec import ColumnValue

_BATCH_ROWS: Final = 2000
_ROW_GROUP_ROWS: Final = 100_000
"""A row group is held in memory, encoded, until it is complete."""
_DICTIONARY_BYTES: Final = 100_000
"""Of the distinct values of a column; the dictionary of one that has more is given up."""


def write_table(
    file: IO[bytes],
    columns: Sequence[ExportedColumn],
    rows: Iterable[Sequence[ColumnValue]],
    file_format: Literal["csv", "parquet"],
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write rows to a file as they come; raise `InvalidRequestError` for a format that needs what is not installed.

    `metadata` goes into a Parquet file; a CSV file has no place for it.
    """
    if file_format == "parquet":
        _write_parquet(file, columns, rows, {} if metadata is None else metadata)
        return
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    for lines in csv_text(columns, rows):
        text.write(lines)
    text.flush()
    text.detach()


def csv_text(columns: Sequence[ExportedColumn], rows: Iterable[Sequence[ColumnValue]]) -> Iterator[str]:
    """Yield the lines of a CSV file, the header first, many at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    remaining = iter(rows)
    while batch := list(islice(remaining, 1000)):
        writer.writerows(batch)
        yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _write_parquet(
    file: IO[bytes],
    columns: Sequence[ExportedColumn],
    rows: Iterable[Sequence[ColumnValue]],
    metadata: Mapping[str, str],
) -> None:
    try:
        from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
        from arro3.io import write_parquet
    except ImportError as error:
        raise InvalidRequestError(
            "Parquet needs a package that is not installed",
            remedy=f"Install it: {sys.prefix}/bin/python -m pip install arro3-core arro3-io (64-bit systems only), "
            "or export CSV.",
        ) from error
    types: dict[str, DataType] = {"text": DataType.utf8(), "real": DataType.float64(), "integer": DataType.int64()}
    kinds = [types[column.type] for column in columns]
    converters = [_CONVERTERS[column.type] for column in columns]
    schema = Schema(
        [
            Field(column.name, kind, metadata={} if column.unit is None else {"unit": column.unit})
            for column, kind in zip(columns, kinds, strict=True)
        ]
    )

    def batches() -> Iterator[RecordBatch]:
        remaining = iter(rows)
        while batch := list(islice(remaining, _BATCH_ROWS)):
            by_column = zip(zip(*batch, strict=True), kinds, converters, strict=True)
            arrays = [Array([convert(value) for value in values], kind) for values, kind, convert in by_column]
            yield RecordBatch.from_arrays(arrays, schema=schema)

    reader = RecordBatchReader.from_batches(schema, batches())
    times = [column.name for column in columns if column.is_time]
    write_parquet(
        reader,
        file,
        compression="zstd(1)",
        max_row_group_size=_ROW_GROUP_ROWS,
        dictionary_page_size_limit=_DICTIONARY_BYTES,
        # Times differ in their last characters, and hardly repeat.
        column_dictionary_enabled=dict.fromkeys(times, False),
        column_encoding=dict.fromkeys(times, "delta_byte_array"),
        key_value_metadata=dict(metadata),
    )


def _text(value: ColumnValue) -> str | None:
    return None if value is None else str(value)


def _real(value: ColumnValue) -> float | None:
    return float(value) if isinstance(value, float | int) else None


def _integer(value: ColumnValue) -> int | None:
    return int(value) if isinstance(value, float | int) else None


_CONVERTERS: Final[dict[str, Callable[[ColumnValue], str | float | int | None]]] = {
    "text": _text,
    "real": _real,
    "integer": _integer,
}
"""A column of SQLite can hold values of another type than it declares; Parquet cannot."""
