"""What was recorded, read as a stream: memory does not grow with the length of an experiment."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from html import escape
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pioreactor_client.api import Api

if TYPE_CHECKING:
    import pandas
    import polars

_SHOWN = 5
Row = dict[str, str | float | None]


@dataclass(frozen=True)
class History:
    """Rows of one dataset. Nothing is read before it is asked for; each reading asks the leader again."""

    api: Api
    dataset: str
    experiment: str
    unit: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def rows(self) -> Iterator[Row]:
        """Yield the rows, oldest first; numbers as floats, an empty field as None."""
        with self._lines() as lines:
            for row in csv.DictReader(lines):
                yield {name: _value(name, text) for name, text in row.items()}

    def pages(self, rows: int = 10_000) -> Iterator[list[Row]]:
        """Yield lists of at most so many rows."""
        if rows < 1:
            raise ValueError(f"a page has at least one row, not {rows}")
        page: list[Row] = []
        for row in self.rows():
            page.append(row)
            if len(page) == rows:
                yield page
                page = []
        if page:
            yield page

    def to_pandas(self) -> pandas.DataFrame:
        """Return a data frame with aware timestamps; needs pandas."""
        import pandas

        with self._open() as file:
            frame = pandas.read_csv(file)
        if frame.empty:
            frame = frame.astype(dict.fromkeys(_numbers_of(frame.columns), float))
        if "timestamp" in frame:
            # The format is named: it is guessed from the first value otherwise, which may have no fraction of a second.
            frame["timestamp"] = pandas.to_datetime(frame["timestamp"], utc=True, format="ISO8601")
        return frame

    def to_polars(self) -> polars.DataFrame:
        """Return a data frame with aware timestamps; needs polars."""
        import polars

        with self._open() as file:
            frame = polars.read_csv(file.read(), infer_schema_length=None)
        if frame.is_empty():
            frame = frame.with_columns(polars.col(_numbers_of(frame.columns)).cast(polars.Float64))
        if "timestamp" in frame.columns:
            frame = frame.with_columns(polars.col("timestamp").str.to_datetime(time_zone="UTC"))
        return frame

    def to_csv(self, path: str | Path) -> Path:
        """Write the rows to a file, which appears when it is complete; return its path."""
        target = Path(path)
        part = target.with_name(f"{target.name}.part")
        with self._stream() as parts, part.open("wb") as file:
            for each in parts:
                file.write(each)
        return part.replace(target)

    @contextmanager
    def _stream(self) -> Iterator[Iterator[bytes]]:
        query = {
            "experiment": self.experiment,
            "unit": self.unit,
            "start_time": _moment(self.since),
            "end_time": _moment(self.until),
        }
        with self.api.stream("api", "datasets", "exportable", self.dataset, "csv", **query) as parts:
            yield parts

    @contextmanager
    def _lines(self) -> Iterator[Iterator[str]]:
        with self._stream() as parts:
            yield _lines_of(parts)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        from io import BufferedReader

        with self._stream() as parts:
            yield BufferedReader(_File(parts))

    def __repr__(self) -> str:
        of = f" of {self.unit}" if self.unit is not None else ""
        return f"<History {self.dataset}{of} in {self.experiment}>"

    def _repr_html_(self) -> str:
        first: list[Row] = []
        last: deque[Row] = deque(maxlen=_SHOWN)
        count = 0
        for row in self.rows():
            count += 1
            (first if len(first) < _SHOWN else last).append(row)
        shown = [*first, *last]
        if not shown:
            return f"<p>{escape(repr(self))}: no rows</p>"
        head = "".join(f"<th>{escape(name)}</th>" for name in shown[0])
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row.values()) + "</tr>" for row in shown
        )
        return f"<table><tr>{head}</tr>{body}</table><p>{count} rows of {escape(self.dataset)}</p>"


class _File(RawIOBase):
    """Parts of a body as a file that is read once."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._parts, b"")
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def _lines_of(parts: Iterator[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest = ""
    for part in parts:
        *lines, rest = (rest + decoder.decode(part)).split("\n")
        yield from (f"{line}\n" for line in lines)
    if rest:
        yield rest


_TEXTS = frozenset(
    {
        *("experiment", "pioreactor_unit", "timestamp", "timestamp_localtime"),
        *("message", "event", "source", "source_of_event"),
    }
)


def _numbers_of(columns: Iterable[str]) -> list[str]:
    """Return the columns of numbers, whose kind cannot be seen where there are no rows."""
    return [name for name in columns if name not in _TEXTS]


def _value(name: str, text: str | None) -> str | float | None:
    if text is None or text == "":
        return None
    if name in _TEXTS:
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; give an aware time, such as datetime.now(timezone.utc)")
    return moment.isoformat()
