"""Recordings on disk: read readings and doses from CSV files, estimate, and write what was found beside them."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TextIO

from pioreactor.exc import InvalidRequestError, StorageError
from pioreactor.science.growth_rate.estimator import Estimate, GrowthRateEstimator
from pioreactor.science.growth_rate.smoother import Dose, replay, smooth

SECONDS_PER_HOUR = 3600.0
MAX_ML = 1000.0
OUTPUT_COLUMNS = ("time_h", "growth_rate", "growth_rate_sd", "od_filtered", "pump_gain", "outlier")
_ONE_SERIES = ("experiment", "pioreactor_unit", "channel", "angle")
_HOURS = ("time_h", "hours_since_experiment_created")
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*")
Series = Mapping[str, str]
"""Values of the columns that tell one culture's rows from those of others."""
ALL_ROWS: Series = MappingProxyType({})
_VOLUME_COLUMNS = ("nominal_volume_ml", "volume_change_ml", "volume_change")


@dataclass(frozen=True, slots=True)
class RecordingSummary:
    """What an estimate over a recording found."""

    readings: int
    left_out: int
    """Readings that are not positive numbers."""
    outliers: int
    level_shifts: int
    doses: int
    noise_cv: float
    pump_gain: float
    pump_gain_sd: float
    out: Path
    series: Series = field(default_factory=dict)
    """Whose readings these are, when the recording held several."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Times [h] since the first row, the moment of that row in seconds of its clock, and optical densities."""

    time_h: list[float]
    od: list[float]
    origin_s: float
    clock: str
    """The column that told time: hours (origin 0) or `timestamp`."""


def estimate_recording(
    readings: Path,
    *,
    out: Path,
    doses: Path | None = None,
    column: str = "od_reading",
    smoothed: bool = False,
    vial_volume_ml: float = 14.0,
    only: Series = ALL_ROWS,
    progress: Callable[[float], None] | None = None,
) -> RecordingSummary:
    """Estimate the growth rate along a recorded culture and write it to `out` as CSV, one row per reading.

    Rows that differ from `only` in one of its columns are skipped. A file that then holds several series is refused;
    see `estimate_each`.

    `readings` needs a column `time_h` or `timestamp`, and `column`; `doses` the same kind of time, `event` and
    `nominal_volume_ml` or `volume_change_ml`. A name that ends in .gz is compressed. `vial_volume_ml` is what the
    vial holds before the first dose and after waste is removed. `progress` is called with the share done, 0 to 1.
    Raise InvalidRequestError, with file, column and line, for what cannot be read, StorageError if `out`
    cannot be written; `out` appears only when it is complete.
    """
    [summary] = _estimate(
        readings, out, doses, [only], (), column, smoothed=smoothed, vial_ml=vial_volume_ml, progress=progress
    )
    return summary


def estimate_each(
    readings: Path,
    *,
    out: Path,
    doses: Path | None = None,
    column: str = "od_reading",
    smoothed: bool = False,
    vial_volume_ml: float = 14.0,
    only: Series = ALL_ROWS,
    progress: Callable[[float], None] | None = None,
) -> list[RecordingSummary]:
    """Estimate as `estimate_recording` does, each experiment, unit and channel of a recording by itself.

    With several, the rows of `out` begin with the columns that tell them apart.
    """
    series = series_in(readings, only=only)
    columns = tuple(series[0]) if len(series) > 1 else ()
    if not columns:
        series = [only]
    return _estimate(
        readings, out, doses, series, columns, column, smoothed=smoothed, vial_ml=vial_volume_ml, progress=progress
    )


def series_in(path: Path, *, only: Series = ALL_ROWS) -> list[Series]:
    """Return the series that a file holds, in order of appearance; a file without such columns holds one."""
    found: dict[tuple[tuple[str, str], ...], None] = {}
    for _, row in _rows(path, only):
        found[tuple((name, row[name] or "") for name in _ONE_SERIES if name in row)] = None
    return [dict(key) for key in found]


def _estimate(
    readings: Path,
    out: Path,
    doses: Path | None,
    series: Sequence[Series],
    columns: Sequence[str],
    column: str,
    *,
    smoothed: bool,
    vial_ml: float,
    progress: Callable[[float], None] | None,
) -> list[RecordingSummary]:
    _check_output(out, readings, doses)
    part = out.with_name(f".{out.name}.part")
    summaries = []
    try:
        with _open_csv(part, "w", compressed=out.suffix == ".gz") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow((*columns, *OUTPUT_COLUMNS))
            for index, one in enumerate(series):
                report = None if progress is None else _share_of(progress, index, len(series))
                recorded = read_readings(readings, column=column, only=one)
                added = read_doses(doses, like=recorded, vial_volume_ml=vial_ml, only=one) if doses is not None else []
                estimates = _estimates(recorded, added, smoothed=smoothed, vial_ml=vial_ml, progress=report)
                tally, front = _Tally(), tuple(one[name] for name in columns)
                for t, estimate in zip(recorded.time_h, estimates, strict=True):
                    tally.add(estimate)
                    writer.writerow((*front, *_row(t, estimate)))
                told = dict(zip(columns, front, strict=True))
                summaries.append(tally.summary(len(recorded.time_h), len(added), out, told))
        part.replace(out)
    except OSError as problem:
        raise StorageError(
            f"cannot write {out}: {problem.strerror}", remedy="Choose a folder that exists and that you may write to."
        ) from problem
    finally:
        part.unlink(missing_ok=True)
    if progress is not None:
        progress(1.0)
    return summaries


def _estimates(
    recorded: Readings,
    added: list[Dose],
    *,
    smoothed: bool,
    vial_ml: float,
    progress: Callable[[float], None] | None,
) -> Iterator[Estimate]:
    """Yield the estimate at each reading."""
    times_s = [t * SECONDS_PER_HOUR for t in recorded.time_h]
    if smoothed:
        yield from smooth(times_s, recorded.od, added, vial_volume_ml=vial_ml, progress=progress)
        return
    estimator = GrowthRateEstimator(vial_volume_ml=vial_ml)
    for i, estimate in enumerate(replay(times_s, recorded.od, added, estimator)):
        if progress is not None and i % 500 == 0:
            progress(i / len(times_s))
        yield estimate


def _share_of(progress: Callable[[float], None], index: int, count: int) -> Callable[[float], None]:
    """Return a function that reports the progress of one of several series."""
    return lambda share: progress((index + share) / count)


def _check_output(out: Path, *inputs: Path | None) -> None:
    """Raise `InvalidRequestError` if the output is one of the inputs."""
    for given in inputs:
        if given is not None and out.exists() and given.exists() and out.samefile(given):
            raise InvalidRequestError(f"{out} is read from, too", remedy="Choose another name for what is written.")


def read_readings(path: Path, *, column: str = "od_reading", only: Series = ALL_ROWS) -> Readings:
    """Read times and optical densities; empty cells become NaN, which the estimator leaves out.

    A file that holds several units or channels, no positive reading at all, or times that go backwards is refused.
    """
    rows: list[tuple[float, float]] = []
    series: dict[str, str] = {}
    clock = ""
    for line, row in _rows(path, only):
        if not clock:
            clock = _clock_of(row, path)
            _require(row, column, path, remedy="Name one of these with --column.")
        _one_series(row, series, path, line)
        text = row[column]
        od = math.nan if text is None or text.strip() == "" else _number(text, path, column, line)
        t_s = _moment(row, clock, path, line)
        if rows and t_s < rows[-1][0]:
            raise InvalidRequestError(
                f"{path.name}, line {line}, column {clock!r}: time goes backwards at {row[clock]!r}",
                remedy="Sort the rows by time, or keep one experiment or one side of a clock that was set back.",
            )
        rows.append((t_s, od))
    _check_usable(rows, path, column)
    origin_s = rows[0][0] if clock == "timestamp" else 0.0
    time_h = [(t_s - origin_s) / SECONDS_PER_HOUR for t_s, _ in rows]
    return Readings(time_h, [od for _, od in rows], origin_s, clock)


def _check_usable(rows: list[tuple[float, float]], path: Path, column: str) -> None:
    """Raise `InvalidRequestError` if there is no reading, or none that is positive."""
    if not rows:
        raise InvalidRequestError(f"{path.name} holds no readings", remedy="Export the dataset od_readings.")
    if not any(od > 0 and math.isfinite(od) for _, od in rows):
        raise InvalidRequestError(
            f"{path.name}, column {column!r}: none of {len(rows)} readings is a positive number",
            remedy="Check that the column holds optical densities, and the blank that was subtracted.",
        )


def read_doses(path: Path, *, like: Readings, vial_volume_ml: float, only: Series = ALL_ROWS) -> list[Dose]:
    """Read additions in time order, with the volume in the vial before each; times count from the first reading."""
    moves: list[tuple[float, str, float]] = []
    series: dict[str, str] = {}
    volume_column = ""
    for line, row in _rows(path, only):
        if not volume_column:
            _require(row, like.clock, path)
            _require(row, "event", path)
            volume_column = next((name for name in _VOLUME_COLUMNS if name in row), _VOLUME_COLUMNS[0])
            _require(row, volume_column, path)
        _one_series(row, series, path, line)
        t_s = _moment(row, like.clock, path, line) - like.origin_s
        moved_ml = _number(row[volume_column] or "", path, volume_column, line)
        if not abs(moved_ml) < MAX_ML:
            raise InvalidRequestError(
                f"{path.name}, line {line}, column {volume_column!r}: {row[volume_column]} mL cannot be moved",
                remedy=f"Volumes are in mL, below {MAX_ML:g}; what is negative takes an earlier dose back.",
            )
        moves.append((t_s, row["event"] or "", moved_ml))
    moves.sort(key=lambda each: each[0])
    doses: list[Dose] = []
    volume_ml = vial_volume_ml
    for t_s, event, moved_ml in moves:
        if event.startswith("add_"):
            doses.append(Dose(t_s, moved_ml, volume_ml))
            volume_ml = max(volume_ml + moved_ml, vial_volume_ml)
        elif event.startswith("remove_"):
            volume_ml = max(volume_ml - moved_ml, vial_volume_ml)
    return doses


def _row(t: float, e: Estimate) -> tuple[str, ...]:
    return (
        f"{t:.6f}",
        f"{e.growth_rate:.6f}",
        f"{e.growth_rate_sd:.6f}",
        f"{e.od_filtered:.6g}",
        f"{e.pump_gain:.4f}",
        "1" if e.outlier else "0",
    )


class _Tally:
    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.last: Estimate | None = None

    def add(self, estimate: Estimate) -> None:
        self.outcomes[estimate.outcome] = self.outcomes.get(estimate.outcome, 0) + 1
        self.last = estimate

    def summary(self, readings: int, doses: int, out: Path, series: Series) -> RecordingSummary:
        assert self.last is not None
        count = self.outcomes.get
        return RecordingSummary(
            readings=readings,
            left_out=count("not_positive", 0) + count("out_of_order", 0),
            outliers=count("outlier", 0),
            level_shifts=count("level_shift", 0),
            doses=doses,
            noise_cv=self.last.noise_cv,
            pump_gain=self.last.pump_gain,
            pump_gain_sd=self.last.pump_gain_sd,
            out=out,
            series=series,
        )


@contextmanager
def _open_csv(path: Path, mode: str, *, compressed: bool) -> Iterator[TextIO]:
    encoding = "utf-8" if mode == "w" else "utf-8-sig"  # spreadsheets put a mark in front
    if not compressed:
        with path.open(mode, newline="", encoding=encoding) as file:
            yield file  # type: ignore[misc]
        return
    with gzip.open(path, f"{mode}b") as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as file:  # type: ignore[type-var]
        yield file


def _rows(path: Path, only: Series = ALL_ROWS) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Yield the rows that have the values of `only`, with their line number; the header is line 1.

    Columns are separated by commas, semicolons or tabs; with semicolons and tabs, decimals may have a comma.
    """
    try:
        with _open_csv(path, "r", compressed=path.suffix == ".gz") as file:
            header = file.readline()
            delimiter = max(",;\t", key=header.count)
            names = next(csv.reader([header], delimiter=delimiter), [])
            reader = csv.DictReader(file, names, delimiter=delimiter)
            for row in reader:
                if any(row.get(name, value) != value for name, value in only.items()):
                    continue
                yield reader.line_num + 1, row if delimiter == "," else _with_points(row)
    except OSError as problem:
        raise InvalidRequestError(f"cannot read {path}: {problem.strerror or problem}") from problem
    except (EOFError, zlib.error) as problem:
        raise InvalidRequestError(
            f"cannot read {path}: it is compressed, and cut short or damaged", remedy="Copy or export the file again."
        ) from problem
    except (UnicodeDecodeError, csv.Error) as problem:
        raise InvalidRequestError(
            f"cannot read {path}: it is not text with columns ({problem})",
            remedy="Export the dataset as CSV, in UTF-8; a name that ends in .gz is taken for a compressed file.",
        ) from problem


def _with_points(row: dict[str, str | None]) -> dict[str, str | None]:
    """Return the row with a point in each number that has a decimal comma."""
    return {
        name: text.replace(",", ".") if isinstance(text, str) and _DECIMAL_COMMA.fullmatch(text) else text
        for name, text in row.items()
    }


def _require(row: dict[str, str | None], column: str, path: Path, *, remedy: str | None = None) -> None:
    if column not in row:
        there = ", ".join(str(name) for name in row if name is not None)
        raise InvalidRequestError(f"{path.name} has no column {column!r}; it has {there}", remedy=remedy)


def _clock_of(row: dict[str, str | None], path: Path) -> str:
    for name in ("time_h", "timestamp", "hours_since_experiment_created"):
        if name in row:
            return name
    there = ", ".join(str(name) for name in row if name is not None)
    raise InvalidRequestError(f"{path.name} has neither a column 'time_h' nor 'timestamp'; it has {there}")


def _one_series(row: dict[str, str | None], series: dict[str, str], path: Path, line: int) -> None:
    for name in _ONE_SERIES:
        value = row.get(name)
        if value is not None and series.setdefault(name, value) != value:
            raise InvalidRequestError(
                f"{path.name}, line {line}, column {name!r}: {value!r} after {series[name]!r}",
                remedy="Choose one with --unit, --experiment and --channel, or keep the rows of one culture.",
            )


def _number(text: str, path: Path, column: str, line: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidRequestError(f"{path.name}, line {line}, column {column!r}: {text!r} is not a number") from None


def _moment(row: dict[str, str | None], clock: str, path: Path, line: int) -> float:
    """Seconds: since the start of the experiment for `time_h`, since 1970 for `timestamp` (UTC unless it says else)."""
    text = row[clock] or ""
    if clock in _HOURS:
        hours = _number(text, path, clock, line)
        if not math.isfinite(hours):
            raise InvalidRequestError(f"{path.name}, line {line}, column {clock!r}: {text!r} is not a moment")
        return hours * SECONDS_PER_HOUR
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequestError(f"{path.name}, line {line}, column {clock!r}: {text!r} is not a timestamp") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
