"""How long an export of many rows takes beside plain `csv.writer`, and how much memory each format needs.

Run: python -m bench.export [ROWS]. Each measurement is a process of its own: `pio run export_experiment_data`, and as
the yardstick `SELECT *` of the same table through `sqlite3` and `csv.writer` to an uncompressed file, without local
times, hours, rounding, a manifest and progress. Times are CPU time, so
that other load counts little; peak memory is `VmHWM`, both of the whole process with interpreter and imports.
Goals: 40 MB for CSV, 60 MB for Parquet.
"""

from __future__ import annotations

import contextlib
import csv
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pioreactor.storage.ports import Row, ValueType

EXPERIMENT = "bench"
CREATED = datetime(2026, 3, 1, tzinfo=UTC)
BATCH_ROWS = 20_000
UNITS = 4
MAX_MB = {"csv": 40.0, "parquet": 60.0}


def fill(path: Path, rows: int) -> None:
    """Make a leader's database with `rows` OD readings of four units, each 5 s apart."""
    from pioreactor.storage.leader.database import LeaderDatabase  # heavy, and not needed where memory is measured
    from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink

    database = LeaderDatabase.open(path, now=lambda: CREATED)
    database.experiments.create(EXPERIMENT)
    database.close()
    sink = SqliteRecordSink(path)
    for first in range(0, rows, BATCH_ROWS):
        sink.commit(list(readings(first, min(first + BATCH_ROWS, rows))))
    sink.close()


def readings(first: int, end: int) -> Iterator[Row]:
    """Yield the rows of these numbers."""
    from pioreactor.storage.ports import Row

    for number in range(first, end):
        at = CREATED + timedelta(seconds=5 * (number // UNITS), milliseconds=number % 997)
        stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
        values: dict[str, ValueType] = {
            "experiment": EXPERIMENT, "pioreactor_unit": f"unit{number % UNITS + 1}",
            "od_reading": 0.05 + number % 7919 / 3e4, "timestamp": stamp, "angle": 90, "channel": 2,
        }  # fmt: skip
        yield Row("od_readings", values)


def plain_csv(path: Path, target: Path) -> None:
    """Write the table as the yardstick does."""
    with closing(sqlite3.connect(path)) as connection, target.open("w", newline="") as file:
        cursor = connection.execute("SELECT * FROM od_readings ORDER BY timestamp")
        writer = csv.writer(file)
        writer.writerow([name for name, *_ in cursor.description])
        writer.writerows(cursor)


def measure(*arguments: str, dot: Path) -> tuple[float, float]:
    """Run this module's other half in a process; return its seconds of CPU and its peak in MB."""
    environment = {**os.environ, "DOT_PIOREACTOR": str(dot), "RUN_PIOREACTOR": str(dot / "run")}
    answer = subprocess.run(
        [sys.executable, "-m", "bench.export", "--run", *arguments],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds, peak_mb = answer.stdout.split()[-2:]
    return float(seconds), float(peak_mb)


def run(what: str, database: Path, target: Path) -> None:
    """Export in this process, and print its CPU time in seconds and its peak memory in MB."""
    if what == "plain":
        plain_csv(database, target)
    else:
        from pioreactor.cli.main import main as pio

        command = ["run", "export_experiment_data", "--experiment", EXPERIMENT, "--dataset-name", "od_readings"]
        sys.argv = ["pio", *command, "--format", what, "--output", str(target)]
        with contextlib.suppress(SystemExit):
            pio()
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    [peak_kb] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    print(round(time.process_time(), 2), int(peak_kb) / 1000)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--run"]:
        run(arguments[1], Path(arguments[2]), Path(arguments[3]))
        return
    rows = int(arguments[0]) if arguments else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        dot = Path(folder)
        database = dot / "storage" / "pioreactor.sqlite"
        database.parent.mkdir()
        (dot / "config.ini").write_text(
            f"[cluster.topology]\nleader_hostname={gethostname()}\nleader_address=127.0.0.1\n"
        )
        fill(database, rows)
        plain_s, plain_mb = measure("plain", str(database), str(dot / "plain.csv"), dot=dot)
        print(f"{rows} rows, {database.stat().st_size / 1e6:.0f} MB")
        print(f"{'csv.writer':10} {plain_s:6.1f} s         {plain_mb:5.1f} MB peak")
        for file_format, limit_mb in MAX_MB.items():
            target = dot / f"{file_format}.zip"
            seconds, peak_mb = measure(file_format, str(database), str(target), dot=dot)
            verdict = "ok" if peak_mb <= limit_mb else f"more than {limit_mb:.0f} MB"
            size_mb = target.stat().st_size / 1e6
            times = f"{seconds:6.1f} s ×{seconds / plain_s:4.1f}"
            print(f"{file_format:10} {times}   {peak_mb:5.1f} MB peak ({verdict}), file {size_mb:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
