"""`pio simulate`: the same jobs on simulated reactors in virtual time, written to the same tables as a real run."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from pathlib import Path

import click

from pioreactor.cli.repeated_run import repeated, write_comparison
from pioreactor.cli.simulated_run import DEFAULT_JOBS, Results, SimulatedRun
from pioreactor.data_import.experiment_replay import Replay, read_replay
from pioreactor.exc import InvalidRequestError


@click.command(name="simulate")
@click.option("--hours", type=click.FloatRange(0.01, 10_000), help="Simulated time [h]. Default: 24, or as recorded.")
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Same seed, same results.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the results.")
@click.option("--units", type=click.IntRange(1, 64), help="How many reactors. Default: 1, or as recorded.")
@click.option(
    "--job", "jobs", multiple=True, metavar="'NAME --OPTIONS'",
    help="A job for each unit, as after `pio run`; may be repeated. Default: " + "; ".join(DEFAULT_JOBS) + ".",
)  # fmt: skip
@click.option(
    "--scenario", default="ecoli_turbidostat", show_default=True, metavar="NAME|FILE",
    help="Strain, start density, ambient conditions and faults: a name (see --list-scenarios) or a YAML or INI file.",
)  # fmt: skip
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
    help="Configuration of the reactors, such as ~/.pioreactor/unit_config.ini. Default: the defaults.",
)  # fmt: skip
@click.option(
    "--replay", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="ARCHIVE",
    help="Repeat the experiment of this archive (`pio export --archive`): its units, configuration, jobs and settings.",
)  # fmt: skip
@click.option("--experiment", help="Name of the experiment. Default: simulation, or as recorded.")
@click.option("--csv/--no-csv", default=True, show_default=True, help="Write each table as CSV, too.")
@click.option("--overwrite", is_flag=True, help="Replace results that are in the folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--list-scenarios", is_flag=True, is_eager=True, expose_value=False, callback=lambda *a: _list(*a),
    help="Print the named scenarios and exit.")  # fmt: skip
def simulate(
    hours: float | None,
    seed: int,
    out: Path,
    units: int | None,
    jobs: tuple[str, ...],
    scenario: str,
    config: Path | None,
    replay: Path | None,
    experiment: str | None,
    csv: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Run jobs on simulated reactors in virtual time.

    Writes pioreactor.sqlite (the leader's tables), a CSV file of each table that has rows, and truth.csv: what the
    simulated world really was. With --replay also recorded/experiment.sqlite, the rows of the archive, and
    comparison.csv, recorded and simulated means of each unit.
    """
    if replay is not None and (jobs or units is not None):
        raise click.UsageError("--job and --units are those of the archive: leave them out with --replay.")
    _make_room(out, overwrite=overwrite)
    began_s = time.perf_counter()
    text = config.read_text(encoding="utf-8") if config is not None else ""
    recorded = _recorded(replay, out) if replay is not None else None
    if recorded is not None:
        run = repeated(recorded, out, hours=hours, seed=seed, scenario=scenario, experiment=experiment, config=text)
    else:
        run = SimulatedRun(
            out,
            units=[f"unit{number}" for number in range(1, (units if units is not None else 1) + 1)],
            seed=seed,
            scenario=scenario,
            experiment=experiment if experiment is not None else "simulation",
            hours=hours if hours is not None else 24.0,
            commands=[_split(job) for job in (jobs if jobs else DEFAULT_JOBS)],
            config=text,
        )
    with click.progressbar(length=run.steps, label="Simulating", file=sys.stderr) as bar:
        run.go(progress=lambda: bar.update(1))
    results = run.finish(csv=csv)
    results["seconds"] = round(time.perf_counter() - began_s, 2)
    if recorded is not None:
        write_comparison(recorded, out)
    _show(results, run, as_json=as_json)
    if results["failed_jobs"]:
        raise click.exceptions.Exit(1)


def _recorded(archive: Path, out: Path) -> Replay:
    """Read an archive; what is not repeated is said."""
    folder = out / "recorded"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    recorded = read_replay(archive, folder)
    for note in recorded.notes:
        click.echo(note, err=True)
    return recorded


def _make_room(out: Path, *, overwrite: bool) -> None:
    database = out / "pioreactor.sqlite"
    if database.exists() and not overwrite:
        raise InvalidRequestError(
            f"{out} already holds results", remedy="Choose another folder, or pass --overwrite to replace them."
        )
    out.mkdir(parents=True, exist_ok=True)
    for old in (database, Path(f"{database}-wal"), Path(f"{database}-shm"), *out.glob("*.csv")):
        old.unlink(missing_ok=True)


def _split(job: str) -> list[str]:
    try:
        words = shlex.split(job)
    except ValueError as error:
        raise InvalidRequestError(f"--job {job!r} cannot be read: {error}") from error
    if not words:
        raise InvalidRequestError("--job is empty: write the name of a job and its options")
    return words


def _show(results: Results, run: SimulatedRun, *, as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps(results))
        return
    from pioreactor.cli.simulation_summary import show

    show(results, run.truth)


def _list(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from pioreactor.twin.scenarios import SCENARIOS

    for name, scenario in SCENARIOS.items():
        faults = f", {len(scenario.faults)} faults" if scenario.faults else ""
        click.echo(
            f"{name:22} {scenario.strain}, OD {scenario.start_od:g}, {scenario.ambient_celsius:g} °C around{faults}"
        )
    ctx.exit()
