"""The past of a demo's experiment: days that simulated reactors recorded, moved in time so that they end now."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pioreactor.actions.bioreactor import set_variables
from pioreactor.bootstrap import build_runtime
from pioreactor.data_import.experiment_import import import_experiment
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.plan import LEADER
from pioreactor.exc import ConflictError

RECORDED: Final = Path(__file__).with_name("history.sqlite.gz")
"""Written by `scripts/record_demo_history.py`."""
_TIMES: Final = ("timestamp", "created_at")
_TOTALS: Final = {
    "add_media": "cumulative_media_added_ml",
    "add_alt_media": "cumulative_alt_media_added_ml",
    "remove_waste": "cumulative_waste_removed_ml",
}
_NEW_DAY: Final = "%Y-%m-%dT%H:%M:%fZ"


def bring_history(cluster: DemoCluster) -> None:
    """Import the recorded experiment on the leader; one of its name, as of an earlier start, is left as it is."""
    runtime = build_runtime(cluster.environment(LEADER), quiet=True, handles_signals=False)
    try:
        with TemporaryDirectory(prefix=".history-", dir=runtime.paths.storage) as folder:
            database, archive = Path(folder) / "experiment.sqlite", Path(folder) / "history.zip"
            database.write_bytes(gzip.decompress(RECORDED.read_bytes()))
            move_history(database, cluster.plan.worker_names, cluster.plan.experiment, runtime.clock.now())
            with zipfile.ZipFile(archive, "w") as packed:
                packed.write(database, database.name)
            with suppress(ConflictError):
                import_experiment(runtime, archive, lambda *_: None)
                _enter_doses(cluster, database)
    finally:
        runtime.stores.close()


def _enter_doses(cluster: DemoCluster, database: Path) -> None:
    """Let each worker's volume ledger begin with the media that its records say were added."""
    for unit in cluster.plan.worker_names:
        runtime = build_runtime(cluster.environment(unit), quiet=True, asks_leader=False, handles_signals=False)
        try:
            set_variables(runtime, cluster.plan.experiment, added_volumes(database, unit))
        finally:
            runtime.stores.close()


def added_volumes(database: Path, unit: str) -> dict[str, float]:
    """Return the total of each medium [mL] that was added to a unit, by the variable of its ledger."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT event, sum(volume_change_ml) FROM dosing_events WHERE pioreactor_unit = ? GROUP BY event", (unit,)
        ).fetchall()
    return {_TOTALS[event]: total for event, total in rows if event in _TOTALS}


def move_history(database: Path, units: Sequence[str], experiment: str, end: datetime) -> None:
    """Let the records of these units end at `end` and belong to `experiment`; those of other units are deleted."""
    with closing(sqlite3.connect(database)) as connection, connection:
        (days,) = connection.execute(
            "SELECT julianday(?) - julianday(max(timestamp)) FROM od_readings", (end.isoformat(),)
        ).fetchone()
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
            for column in columns.intersection(_TIMES):
                moved = f"strftime('{_NEW_DAY}', julianday({column}) + ?)"
                connection.execute(f'UPDATE "{table}" SET {column} = {moved}', (days,))
            if "experiment" in columns:
                connection.execute(f'UPDATE "{table}" SET experiment = ?', (experiment,))
            if "pioreactor_unit" in columns:
                others = f"pioreactor_unit NOT IN ({', '.join('?' * len(units))})"
                connection.execute(f'DELETE FROM "{table}" WHERE {others}', units)
