"""A recorded experiment repeated on simulated reactors, and how both compare."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from pioreactor.cli.simulated_run import SimulationPlan
from pioreactor.data_import.experiment_replay import Replay, read_replay

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
_IN_ARCHIVE: Final = ("jobs", "units", "experiment", "config")
_TYPED: Final = ParameterSource.COMMANDLINE


def recorded_in(archive: Path, out: Path) -> Replay:
    """Read an archive; what is not repeated is said. What is in the archive must not be given as well."""
    context = click.get_current_context()
    given = [f"--{name}" for name in _IN_ARCHIVE if context.get_parameter_source(name) is _TYPED]
    if given:
        raise click.UsageError(f"{', '.join(given)}: the archive says this; leave it out with --replay.")
    folder = out / "recorded"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    recorded = read_replay(archive, folder)
    for note in recorded.notes:
        click.echo(note, err=True)
    return recorded


def repeated(replay: Replay, *, hours: float, seed: int, scenario: str) -> SimulationPlan:
    """Return a plan of what was recorded, from the same moment."""
    return SimulationPlan(
        units=[unit.pioreactor_unit for unit in replay.units],
        seed=seed,
        scenario=scenario,
        experiment=replay.experiment,
        hours=hours,
        schedule=replay.actions,
        config=replay.config,
        models={unit.pioreactor_unit: model for unit in replay.units if (model := unit.model) is not None},
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
                name = unit.pioreactor_unit
                writer.writerow([name, quantity, _value(recorded, query, name), _value(simulated, query, name)])


def _value(database: sqlite3.Connection, query: str, unit: str) -> str:
    found = database.execute(query, (unit,)).fetchone()[0]
    return "" if found is None else f"{found:.4g}"
