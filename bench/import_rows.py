"""How long the import of many rows takes beside a plain copy of the same rows by SQLite, and how much memory.

Run: python -m bench.import_rows [ROWS]. Each measurement is a process of its own: the plan and the copy of
`pio import-reference` without its backup, and as the yardstick one `INSERT … SELECT` of the same rows into an equal
database of a leader, without a check of the source, a count, steps, triggers set aside, and marks. Times are CPU time,
so that other load counts little; peak memory is `VmHWM` of the whole process. Goal: 60 MB.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

MAX_MB = 60.0
_COLUMNS = "experiment, pioreactor_unit, timestamp, od_reading, angle, channel"


def fill(path: Path, rows: int) -> None:
    """Make a database of the existing software with `rows` OD readings of four units."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
            CREATE TABLE experiments (experiment TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL, description TEXT);
            INSERT INTO experiments VALUES ('bench', '2025-03-01T10:00:00.000Z', NULL);
            CREATE TABLE od_readings (experiment TEXT NOT NULL, pioreactor_unit TEXT NOT NULL,
                timestamp TEXT NOT NULL, od_reading REAL NOT NULL, angle INTEGER NOT NULL, channel INTEGER);"""
        )
        connection.execute(
            f"""WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
            INSERT INTO od_readings ({_COLUMNS}) SELECT 'bench', 'unit' || (i % 4),
            strftime('%Y-%m-%dT%H:%M:%fZ', 1740823200 + i * 1.25, 'unixepoch'), 0.5 + i % 997 * 0.001, 90, 2 FROM n""",
            (rows,),
        )
        connection.commit()


def empty_leader(path: Path) -> None:
    """Make the database of a leader at its first start."""
    from pioreactor.storage.leader.database import LeaderDatabase

    LeaderDatabase.open(path).close()


def plain_copy(source: Path, target: Path) -> None:
    """Copy as the yardstick does."""
    with closing(sqlite3.connect(target)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        connection.execute("ATTACH DATABASE ? AS source", (str(source),))
        connection.execute(f"INSERT INTO od_readings ({_COLUMNS}) SELECT {_COLUMNS} FROM source.od_readings")
        connection.commit()


def imported(source: Path, target: Path) -> None:
    from pioreactor.data_import.table_copy import copy_tables, plan_tables

    copy_tables(source, target, plan_tables(source, target), lambda *_: None)


def run(what: str, source: Path, target: Path) -> None:
    """Copy in this process, and print its CPU time in seconds and its peak memory in MB."""
    (plain_copy if what == "plain" else imported)(source, target)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    [peak_kb] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    print(round(time.process_time(), 2), int(peak_kb) / 1000)


def measure(what: str, source: Path, target: Path) -> tuple[float, float]:
    """Copy in a process of its own; return its seconds of CPU and its peak in MB."""
    empty_leader(target)
    argv = [sys.executable, "-m", "bench.import_rows", "--run", what, str(source), str(target)]
    answer = subprocess.run(argv, check=True, capture_output=True, text=True)
    seconds, peak_mb = answer.stdout.split()[-2:]
    return float(seconds), float(peak_mb)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--run"]:
        run(arguments[1], Path(arguments[2]), Path(arguments[3]))
        return
    rows = int(arguments[0]) if arguments else 5_000_000
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "theirs.sqlite"
        fill(source, rows)
        print(f"{rows} rows, {source.stat().st_size / 1e6:.0f} MB")
        plain_s, plain_mb = measure("plain", source, Path(folder) / "plain.sqlite")
        print(f"{'plain copy':10} {plain_s:6.1f} s         {plain_mb:5.1f} MB peak")
        seconds, peak_mb = measure("import", source, Path(folder) / "ours.sqlite")
        verdict = "ok" if peak_mb <= MAX_MB else f"more than {MAX_MB:.0f} MB"
        print(f"{'import':10} {seconds:6.1f} s ×{seconds / plain_s:4.1f}   {peak_mb:5.1f} MB peak ({verdict})")


if __name__ == "__main__":
    main(sys.argv[1:])
