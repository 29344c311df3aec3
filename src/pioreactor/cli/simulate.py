"""`pio simulate`: the same jobs on simulated reactors in virtual time, written to the same tables as a real run."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from pioreactor.cli.divided_run import Ended, simulated
from pioreactor.cli.repeated_run import recorded_in, repeated, write_comparison
from pioreactor.cli.simulated_run import DEFAULT_JOBS, SimulationPlan
from pioreactor.exc import InvalidRequestError

_HOURS: Final = 24.0
_BAR: Final = 1000


@click.command(name="simulate")
@click.option("--hours", type=click.FloatRange(0.01, 10_000), help="Simulated time [h]. Default: 24, or as recorded.")
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Same seed, same results.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the results.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True,
    help="How many simulations, with --seed and those after it, each in a folder of its own.")  # fmt: skip
@click.option("--jobs", "--processes", "processes", type=click.IntRange(1, 256), default=1, show_default=True,
    help="How many processes simulate: seeds, or units that do not command each other. The results are the same.",
)  # fmt: skip
@click.option("--units", type=click.IntRange(1, 64), default=1, show_default=True, help="How many reactors.")
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
@click.option("--experiment", default="simulation", show_default=True, help="Name of the experiment.")
@click.option("--csv/--no-csv", default=True, show_default=True, help="Write each table as CSV, too.")
@click.option("--overwrite", is_flag=True, help="Replace results that are in the folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--list-scenarios", is_flag=True, is_eager=True, expose_value=False, callback=lambda *a: _list(*a),
    help="Print the named scenarios and exit.")  # fmt: skip
def simulate(
    hours: float | None,
    seed: int,
    seeds: int,
    processes: int,
    out: Path,
    units: int,
    jobs: tuple[str, ...],
    scenario: str,
    config: Path | None,
    replay: Path | None,
    experiment: str,
    csv: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Run jobs on simulated reactors in virtual time.

    Writes pioreactor.sqlite (the leader's tables), a CSV file of each table that has rows, and truth.csv: what the
    simulated world really was. With --replay also recorded/experiment.sqlite, the rows of the archive, and
    comparison.csv, recorded and simulated means of each unit.
    """
    folders = _folders(out, seed, seeds, overwrite=overwrite)
    recorded = None if replay is None else recorded_in(replay, out)
    if recorded is not None:
        plan = repeated(recorded, hours=hours or recorded.hours, seed=seed, scenario=scenario)
    else:
        plan = SimulationPlan(
            units=[f"unit{number}" for number in range(1, units + 1)],
            seed=seed,
            scenario=scenario,
            experiment=experiment,
            hours=hours or _HOURS,
            commands=_commands(jobs),
            config=config.read_text(encoding="utf-8") if config is not None else "",
        )
    with click.progressbar(length=_BAR, label="Simulating", file=sys.stderr) as bar:
        ended = simulated(
            list(zip(folders, plan.of_seeds(seeds), strict=True)),
            count=processes,
            csv=csv,
            progress=lambda share: bar.update(round(share * _BAR) - bar.pos),
        )
    if recorded is not None:
        for folder in folders:
            write_comparison(recorded, folder)
    _show(ended, as_json=as_json)


def _folders(out: Path, seed: int, seeds: int, *, overwrite: bool) -> list[Path]:
    """Return where each seed writes to, with room for its results."""
    folders = [out / f"seed-{seed + number}" for number in range(seeds)] if seeds > 1 else [out]
    for folder in folders:
        _make_room(folder, overwrite=overwrite)
    return folders


def _commands(jobs: Sequence[str]) -> list[list[str]]:
    return [_split(job) for job in jobs or DEFAULT_JOBS]


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


def _show(ended: Sequence[Ended], *, as_json: bool) -> None:
    """Print the results. Exit with 1 if a job failed."""
    results = [each.results for each in ended]
    if as_json:
        import json

        click.echo(json.dumps(results if len(results) > 1 else results[0]))
    else:
        from pioreactor.cli.simulation_summary import show

        for each in ended:
            show(each.results, each.truth if len(ended) == 1 else {})
    if any(each["failed_jobs"] for each in results):
        raise click.exceptions.Exit(1)


def _list(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        list_cultures()
        ctx.exit()


def list_cultures() -> None:
    """Print the simulated cultures by name."""
    from pioreactor.twin.scenarios import SCENARIOS

    for name, scenario in SCENARIOS.items():
        faults = f", {len(scenario.faults)} faults" if scenario.faults else ""
        click.echo(
            f"{name:22} {scenario.strain}, OD {scenario.start_od:g}, {scenario.ambient_celsius:g} °C around{faults}"
        )
