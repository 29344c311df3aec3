"""The rows of a dataset as they are exported: local times, hours of the experiment, rounded numbers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from pioreactor.exports.dataset import Dataset
from pioreactor.measurements.spec import ColumnValue
from pioreactor.storage.leader.dataset_rows import SourceColumn
from pioreactor.structs.encoding import from_timestamp

DIGITS = 12
HOURS = "hours_since_experiment_created"
_MINUTE = 16
"""Length of a timestamp up to its minute."""

_AS_STORED = frozenset({str, int, type(None)})

Row: TypeAlias = Sequence[ColumnValue]


@dataclass(frozen=True)
class ExportedColumn:
    """`type`: `text`, `real` or `integer`."""

    name: str
    type: str
    unit: str | None
    description: str | None
    is_time: bool = False


class LocalTimes:
    """Converts stored UTC times to local ones, and to hours since an experiment was created.

    Rows of one minute follow each other, so that the slow conversion runs once a minute.
    """

    def __init__(self, created_at: datetime | None) -> None:
        self._created_s = None if created_at is None else created_at.timestamp()
        self._minute = ""
        self._local = ""
        self._since_s = 0.0

    def __call__(self, stored: ColumnValue) -> tuple[str | None, float | None]:
        """Return the local time, and the hours; None for what is no time."""
        if not isinstance(stored, str):
            return None, None
        seconds = stored[_MINUTE:-1]
        if stored[-1:] != "Z" or seconds[:1] != ":":
            return self._slowly(stored)
        if stored[:_MINUTE] != self._minute:
            try:
                moment = from_timestamp(stored[:_MINUTE] + "Z")
            except ValueError:
                return None, None
            self._minute = stored[:_MINUTE]
            self._local = moment.astimezone().strftime("%Y-%m-%d %H:%M")
            self._since_s = moment.timestamp() - (0.0 if self._created_s is None else self._created_s)
        if self._created_s is None:
            return self._local + seconds, None
        return self._local + seconds, round((self._since_s + float(seconds[1:])) / 3600, DIGITS)

    def _slowly(self, stored: str) -> tuple[str | None, float | None]:
        try:
            moment = from_timestamp(stored)
        except ValueError:
            return None, None
        hours = None if self._created_s is None else round((moment.timestamp() - self._created_s) / 3600, DIGITS)
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], hours


class RowFormat:
    """The exported columns of a dataset, and its rows in that form."""

    def __init__(self, dataset: Dataset, columns: Sequence[SourceColumn], created_at: datetime | None) -> None:
        names = [column.name for column in columns]
        times = [names.index(name) for name in dataset.timestamp_columns if name in names]
        self._times = times
        self._hours_after = max(times) if times and dataset.has_experiment else None
        self._local_times = [LocalTimes(created_at) for _ in times]
        self.columns: list[ExportedColumn] = []
        for index, column in enumerate(columns):
            self.columns.append(_exported(dataset, column.name, _type_in(dataset, column), is_time=index in times))
            if index in times:
                self.columns.append(_exported(dataset, f"{column.name}_localtime", "text", is_time=True))
            if index == self._hours_after:
                self.columns.append(ExportedColumn(HOURS, "real", "h", "Hours since the experiment was created."))

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def rows(self, stored: Iterable[Row]) -> Iterator[list[ColumnValue]]:
        """Yield each row with the added columns."""
        insert = self._inserting()
        for row in stored:
            values = [value if value.__class__ in _AS_STORED else _exported_value(value) for value in row]
            insert(values)
            yield values

    def _inserting(self) -> Callable[[list[ColumnValue]], None]:
        # From the last time to the first, so that places of those before stay as they are.
        steps = sorted(zip(self._times, self._local_times, strict=True), key=lambda step: -step[0])
        first, hours_after = (self._times[0] if self._times else -1), self._hours_after

        def insert(values: list[ColumnValue]) -> None:
            hours: float | None = None
            for index, local_time in steps:
                local, since = local_time(values[index])
                values.insert(index + 1, local)
                if index == first:
                    hours = since
            if hours_after is not None:
                values.insert(hours_after + len(steps) + 1, hours)

        return insert


def _exported_value(value: ColumnValue) -> ColumnValue:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return value


def _exported(dataset: Dataset, name: str, type_: str, *, is_time: bool) -> ExportedColumn:
    unit, description = dataset.column_units.get(name), dataset.column_descriptions.get(name)
    return ExportedColumn(name, type_, unit, description, is_time)


def _type_in(dataset: Dataset, column: SourceColumn) -> str:
    # SQLite does not know the types of what a view computes; PostgreSQL does.
    if column.type == "" and dataset.table is not None and column.name in dataset.column_units:
        return "real"
    kind = column.type.upper()
    if any(word in kind for word in ("REAL", "FLOAT", "DOUBLE", "NUMERIC")):
        return "real"
    return "integer" if "INT" in kind else "text"
