"""Records the past that `pio demo` opens on: two simulated days of two reactors, thinned to one row in some minutes.

    python scripts/record_demo_history.py

Takes some minutes. Equal code writes equal rows.
"""

import gzip
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pioreactor.cli.simulated_run import DEFAULT_JOBS, SimulatedRun, SimulationPlan
from pioreactor.demo.history import RECORDED
from pioreactor.demo.plan import CULTURE

SEEDS: Final = {"worker1": 1, "worker2": 2}
HOURS: Final = 48.0
KEPT: Final = {
    "od_readings": "od_reading",
    "od_readings_filtered": "normalized_od_reading",
    "growth_rates": "rate",
    "temperature_readings": "temperature_c",
    "stirring_rates": "measured_rpm",
}
"""Tables of which the first row in some minutes is kept, and the column of their values."""
_BUCKET: Final = "CAST(julianday(timestamp) * 1440 / 4 AS INTEGER)"
"""4 min."""
_DOSES: Final = f"""INSERT INTO main.dosing_events (experiment, pioreactor_unit, timestamp, event, volume_change_ml,
    source_of_event) SELECT experiment, pioreactor_unit, min(timestamp), event, round(sum(volume_change_ml), 3),
    source_of_event FROM source.dosing_events GROUP BY event, source_of_event, {_BUCKET}"""


def record(folder: Path, unit: str, seed: int) -> Path:
    """Let a reactor run, and return the database of its leader."""
    plan = SimulationPlan(
        units=[unit],
        seed=seed,
        scenario=CULTURE,
        experiment="demo",
        hours=HOURS,
        commands=[command.split() for command in DEFAULT_JOBS],
    )
    run = SimulatedRun(folder, plan)
    run.go(lambda: None)
    run.end()
    return Path(run.results(csv=False)["database"])


def combine(databases: Iterable[Path], target: Path) -> None:
    """Copy what is kept of several databases into one."""
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        for database in databases:
            connection.execute("ATTACH DATABASE ? AS source", (str(database),))
            for table in ("experiments", "dosing_events", *KEPT):
                (sql,) = connection.execute("SELECT sql FROM source.sqlite_master WHERE name = ?", (table,)).fetchone()
                connection.execute(sql.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1))
            connection.execute("INSERT OR IGNORE INTO main.experiments SELECT * FROM source.experiments")
            connection.execute(_DOSES)
            for table, column in KEPT.items():
                rows = f"SELECT min(rowid) FROM source.{table} GROUP BY {_BUCKET}"
                connection.execute(f"INSERT INTO main.{table} SELECT * FROM source.{table} WHERE rowid IN ({rows})")
                connection.execute(f"UPDATE main.{table} SET {column} = round({column}, 5)")
            connection.execute("DETACH DATABASE source")


def main() -> None:
    with TemporaryDirectory() as folder:
        databases = []
        for unit, seed in SEEDS.items():
            (Path(folder) / unit).mkdir()
            databases.append(record(Path(folder) / unit, unit, seed))
        combined = Path(folder) / "combined.sqlite"
        combine(databases, combined)
        RECORDED.write_bytes(gzip.compress(combined.read_bytes(), 9, mtime=0))


if __name__ == "__main__":
    main()
