"""A recorded experiment repeated on simulated reactors, and how both compare."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from pioreactor.cli.simulated_run import SimulatedRun
from pioreactor.data_import.experiment_replay import Replay

QUANTITIES: Final = {
    "od": "SELECT avg(od_reading) FROM od_readings WHERE pioreactor_unit = ?",
    "growth_rate_per_h": "SELECT avg(rate) FROM growth_rates WHERE pioreactor_unit = ?",
    "celsius": "SELECT avg(temperature_c) FROM temperature_readings WHERE pioreactor_unit = ?",
    "rpm": "SELECT avg(measured_rpm) FROM stirring_rates WHERE pioreactor_unit = ?",
    "media_ml": "SELECT sum(volume_change_ml) FROM dosing_events WHERE pioreactor_unit = ? AND event = 'add_media'",
    "alt_media_ml": (
        "SELECT sum(volume_change_ml) FROM dosing_events WHERE pioreactor_unit = ? AND event = 'add_alt_media'"
    ),
}
"""What is compared: the mean, or the sum of doses."""


def repeated(
    replay: Replay,
    out: Path,
    *,
    hours: float | None,
    seed: int,
    scenario: str,
    experiment: str | None,
    config: str,
) -> SimulatedRun:
    """Return a run that does what was recorded, from the same moment; `config` in place of the recorded one."""
    return SimulatedRun(
        out,
        units=[unit.pioreactor_unit for unit in replay.units],
        seed=seed,
        scenario=scenario,
        experiment=experiment if experiment is not None else replay.experiment,
        hours=hours if hours is not None else replay.hours,
        schedule=replay.actions,
        config=config if config else replay.config,
        models={
            unit.pioreactor_unit: (unit.model_name, unit.model_version)
            for unit in replay.units
            if unit.model_name and unit.model_version
        },
        start=replay.started_at,
    )


def write_comparison(replay: Replay, out: Path) -> None:
    """Write `comparison.csv`: each quantity of each unit as it was recorded, and as it was simulated."""
    with (
        closing(sqlite3.connect(f"{replay.database.absolute().as_uri()}?mode=ro", uri=True)) as recorded,
        closing(sqlite3.connect(out / "pioreactor.sqlite")) as simulated,
        (out / "comparison.csv").open("w", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["pioreactor_unit", "quantity", "recorded", "simulated"])
        for unit in replay.units:
            for quantity, query in QUANTITIES.items():
                found = [one.execute(query, (unit.pioreactor_unit,)).fetchone()[0] for one in (recorded, simulated)]
                writer.writerow(
                    [unit.pioreactor_unit, quantity, *("" if value is None else f"{value:.4g}" for value in found)]
                )
