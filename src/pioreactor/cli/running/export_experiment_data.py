"""`pio run export_experiment_data`, and `pio export` on top of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_json, print_result, print_table
from pioreactor.exc import InvalidRequestError
from pioreactor.jobs.managed_lifecycle import long_running_managed_lifecycle
from pioreactor.runtime import context
from pioreactor.types import UNIVERSAL_EXPERIMENT

if TYPE_CHECKING:
    from pioreactor.exports.archive import Progress
    from pioreactor.exports.exporter import ExportedArchive
    from pioreactor.exports.request import ExportRequest

F = TypeVar("F", bound=Callable[..., None])


class _Time(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a valid time; write 2026-01-31T08:00:00Z, or …+01:00.", param, ctx)


def selection_options(command: F) -> F:
    """Add the options that say what is exported, and where to."""
    for option in reversed(
        (
            click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the archive here."),
            click.option("--partition-by-unit", is_flag=True, help="One file for each unit."),
            click.option("--start-time", type=_Time(), help="Not before; ISO 8601 with an offset from UTC."),
            click.option("--end-time", type=_Time(), help="Not after; ISO 8601 with an offset from UTC."),
            click.option("--unit", "units", multiple=True, help="Only this unit; may be repeated."),
            click.option(
                "--format",
                "file_format",
                type=click.Choice(("csv", "parquet")),
                default="csv",
                show_default=True,
                help="Format of the files in the archive.",
            ),
        )
    ):
        command = option(command)
    return command


@click.command(name="export_experiment_data")
@click.option("--experiment", required=True, help="Its name; `$experiment` for the cluster's own data.")
@click.option("--dataset-name", "datasets", multiple=True, help="May be repeated.")
@click.option("--archive", "is_whole", is_flag=True, help="The whole experiment, which another cluster can import.")
@click.option("--partition-by-experiment/--no-partition-by-experiment", default=True, help="Name files after it.")
@selection_options
@click.option("--json-progress", is_flag=True, help="Print progress and result as lines of JSON.")
@pass_cli_context
def export_experiment_data(
    cli: CliContext,
    /,
    experiment: str,
    datasets: tuple[str, ...],
    is_whole: bool,
    partition_by_experiment: bool,
    json_progress: bool,
    output: Path | None,
    **selection: object,
) -> None:
    """Write recorded data of an experiment to a zip archive of CSV or Parquet files."""
    report = _print_progress if json_progress else show_progress
    if is_whole:
        exported = run_archive(cli, experiment, output, report)
    else:
        exported = run_export(request_from(experiment, datasets, partition_by_experiment, **selection), output, report)
    if json_progress:
        click.echo(msgspec.json.encode(exported).decode())
    else:
        print_summary(exported)


@click.command()
@click.argument("experiment", required=False)
@click.option("-d", "--dataset", "datasets", multiple=True, help="May be repeated; all by default.")
@click.option("--list", "only_list", is_flag=True, help="Print which datasets there are.")
@click.option("--archive", "is_whole", is_flag=True, help="The whole experiment, which another cluster can import.")
@click.option("--film", "filmed", metavar="UNIT", help="The stills of this unit's camera as a film (MP4), by ffmpeg.")
@selection_options
@json_option
@pass_cli_context
def export(
    cli: CliContext,
    /,
    experiment: str | None,
    datasets: tuple[str, ...],
    only_list: bool,
    is_whole: bool,
    filmed: str | None,
    as_json: bool,
    output: Path | None,
    **selection: object,
) -> None:
    """Export recorded data of EXPERIMENT to a zip archive. All datasets, or those named."""
    from pioreactor.exports.exporter import datasets_of

    known = datasets_of(context.current().paths)
    if only_list:
        if as_json:
            print_json(list(known.values()))
            return
        rows = [{"dataset": name, "description": each.description} for name, each in known.items()]
        print_table(rows, ["dataset", "description"])
        return
    if experiment is None:
        raise InvalidRequestError("name the experiment", remedy="`pio experiments list` prints their names.")
    if filmed is not None:
        exported = _film(cli, experiment, filmed, output)
    elif is_whole:
        exported = run_archive(cli, experiment, output, show_progress)
    else:
        request = request_from(experiment, datasets or tuple(known), True, **selection)
        exported = run_export(request, output, show_progress)
    print_result(exported, as_json, lambda: print_summary(exported))


def _film(cli: CliContext, experiment: str, unit: str, output: Path | None) -> ExportedArchive:
    """Make a film of the stills of a unit."""
    from pioreactor.cluster.experiment_files import pictures_of_unit
    from pioreactor.exports.exporter import ExportedArchive
    from pioreactor.exports.film import make_film
    from pioreactor.exports.request import safe_name
    from pioreactor.private_files import free_path

    named = free_path(cli.paths.exports / f"film_{safe_name(unit)}_{safe_name(experiment)}.mp4")
    target = output if output is not None else named
    count = make_film(target, pictures_of_unit(unit, experiment, cli.fetch))
    return ExportedArchive(str(target), count, target.stat().st_size)


def run_archive(
    cli: CliContext, experiment: str, output: Path | None, report: Callable[[Progress], None]
) -> ExportedArchive:
    """Write the archive of an experiment, with what units that answer keep of it, as an action that can be stopped."""
    from pioreactor.cluster.experiment_files import files_of_units
    from pioreactor.exports.experiment_archive import units_of, write_experiment

    runtime, problems = cli.runtime, list[str]()

    def files() -> Iterator[tuple[str, bytes]]:
        units = sorted({*units_of(runtime, experiment), runtime.unit})
        yield from files_of_units(units, experiment, cli.fetch, report=problems.append)

    with _stoppable(output) as action:
        exported = write_experiment(
            runtime,
            experiment,
            output=output,
            of_units=files(),
            report=report,
            is_stopping=action.exit_event.is_set,
        )
        action.logger.info("Archived %d rows of %s to %s.", exported.rows, experiment, exported.path)
    return msgspec.structs.replace(exported, problems=problems)


def request_from(
    experiment: str, datasets: tuple[str, ...], partition_by_experiment: bool, **selection: object
) -> ExportRequest:
    """Return the request that the options make."""
    from pioreactor.exports.request import ExportRequest

    units = selection.pop("units", ())
    return msgspec.convert(
        {
            "datasets": list(datasets),
            "experiment": experiment,
            "partition_by_experiment": partition_by_experiment,
            "format": selection.pop("file_format", "csv"),
            "units": units or None,
            **selection,
        },
        ExportRequest,
    )


def run_export(request: ExportRequest, output: Path | None, report: Callable[[Progress], None]) -> ExportedArchive:
    """Export as an action that `pio kill` and a signal can stop."""
    from pioreactor.exports.exporter import export

    with _stoppable(output) as action:
        exported = export(action.runtime, request, output=output, report=report, is_stopping=action.exit_event.is_set)
        action.logger.info("Exported %d rows of %s to %s.", exported.rows, request.experiment, exported.path)
    return exported


def _stoppable(output: Path | None) -> long_running_managed_lifecycle:
    """Return the action, of which `exit_event` is set when it is to stop."""
    if output is not None and output.suffix.lower() != ".zip":
        raise InvalidRequestError(f"{output} does not end in .zip", remedy=f"Write {output}.zip.")
    return long_running_managed_lifecycle(
        context.current().unit, UNIVERSAL_EXPERIMENT, "export_experiment_data", ignore_is_active_state=True
    )


def print_summary(exported: ExportedArchive) -> None:
    click.echo(f"{exported.path}: {exported.rows} rows, {exported.size_bytes / 1e6:.1f} MB.")
    for problem in exported.problems:
        click.echo(problem, err=True)


def show_progress(progress: Progress) -> None:
    """Print progress over the last one, for a person at a terminal."""
    if sys.stderr.isatty():
        share = progress.rows / progress.total_rows if progress.total_rows else 1.0
        click.echo(f"\r{progress.dataset}: {share:4.0%} of {progress.total_rows} rows\033[K", err=True, nl=False)


def _print_progress(progress: Progress) -> None:
    click.echo(msgspec.json.encode(progress).decode())
