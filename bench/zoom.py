"""How long a chart of many rows takes, from roll-ups and from every row, and how long it takes to roll them up.

Run: python -m bench.zoom [ROWS]. One series with a row each 5 s is read whole, by a tenth and by a hundredth, for 1,400
points; the fastest of three. Rows are inserted plainly and rolled up in steps as by the writer. "every row" is
the same request while no row is rolled up, asked for once.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.repositories.time_series import Between
from pioreactor.storage.leader.rollups.sqlite_rollups import SqliteRollups

START = datetime(2025, 1, 1, tzinfo=UTC)
STEP_S = 5
TARGET_POINTS = 1400
TIMES = 3


def fill(path: Path, rows: int) -> float:
    """Insert the rows of one series; return how long it took [s]."""
    LeaderDatabase.open(path).close()
    started = time.perf_counter()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("DROP TRIGGER update_activity_from_growth_rates")
        connection.execute(
            """WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
            INSERT INTO growth_rates (experiment, pioreactor_unit, timestamp, rate)
            SELECT 'bench', 'unit1', strftime('%Y-%m-%dT%H:%M:%fZ', ? + i * ?, 'unixepoch'),
            0.5 + i % 997 * 0.001 + (i = 4321) FROM n""",
            (rows, int(START.timestamp()), STEP_S),
        )
        connection.commit()
    return time.perf_counter() - started


def roll_up(path: Path) -> float:
    """Roll up all rows; return how long it took [s]."""
    started = time.perf_counter()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        rollups, done = SqliteRollups(connection), 1
        while done:
            connection.execute("BEGIN IMMEDIATE")
            done = rollups.step()
            connection.execute("COMMIT")
    return time.perf_counter() - started


def seconds_to_read(database: LeaderDatabase, between: Between, times: int) -> tuple[float, int]:
    """Return the time of the fastest request [s] and its number of points."""
    spent, points = [], 0
    for _ in range(times):
        started = time.perf_counter()
        found = database.time_series.known("growth_rates", "bench", between=between, target_points=TARGET_POINTS)
        spent.append(time.perf_counter() - started)
        points = sum(map(len, found.data))
    return min(spent), points


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "pioreactor.sqlite"
        filled_s = fill(path, rows)
        plain = path.stat().st_size
        database = LeaderDatabase.open(path)
        span = timedelta(seconds=STEP_S * rows)
        stretches = {
            name: Between(START + span * 0.4, START + span * (0.4 + part))
            for name, part in (("whole", 0.6), ("a tenth", 0.1), ("a hundredth", 0.01))
        }
        stretches["whole"] = Between(START, START + span)
        slow = {name: seconds_to_read(database, between, 1)[0] for name, between in stretches.items()}
        rolled_s = roll_up(path)
        print(f"{rows:,} rows inserted in {filled_s:.1f} s, rolled up in {rolled_s:.1f} s")
        print(f"file {plain / 1e6:.0f} MB, with roll-ups {path.stat().st_size / 1e6:.0f} MB")
        print(f"{'stretch':<14}{'every row ms':>14}{'roll-ups ms':>14}{'ratio':>8}{'points':>8}")
        for name, between in stretches.items():
            fast_s, points = seconds_to_read(database, between, TIMES)
            print(f"{name:<14}{1e3 * slow[name]:>14,.0f}{1e3 * fast_s:>14,.1f}{slow[name] / fast_s:>8,.0f}{points:>8}")
        database.close()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
