"""`pio backups`: lists backups of the database and restores them."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict, TypeVar

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_json
from pioreactor.exc import ConflictError, PioreactorError
from pioreactor.job_catalog import activities_among

T = TypeVar("T")


class _Running(TypedDict):
    job_name: str


class _Row(TypedDict):
    """A backup; `path` is its name alone where a worker keeps it."""

    unit: str
    path: str
    bytes: int


@click.group(name="backups")
def backups() -> None:
    """List backups of the leader's database, and restore one."""


@backups.command(name="list")
@click.option("--everywhere", is_flag=True, help="Include the copies that workers keep.")
@json_option
@pass_cli_context
def list_(cli: CliContext, everywhere: bool, as_json: bool) -> None:
    """List backups, newest first. Make one with `pio run backup_database`."""
    from pioreactor.actions.backup import list_backups

    here = cli.runtime.unit
    rows: list[_Row] = [
        {"unit": here, "path": str(path), "bytes": path.stat().st_size} for path in list_backups(cli.runtime)
    ]
    if everywhere:
        rows += _on_workers(cli)
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("No backups. Make one: pio run backup_database")
    for row in rows:
        where = "" if row["unit"] == here else f"  on {row['unit']}"
        click.echo(f"{row['path']}  {row['bytes'] / 1e6:.1f} MB{where}")


def _on_workers(cli: CliContext) -> list[_Row]:
    """Return the copies of each worker that answers."""
    from pioreactor.cluster.backup_replication import Copy

    answers = _ask_workers(cli, "/unit_api/backups", list[Copy])
    return [{"unit": unit, "path": copy.name, "bytes": copy.size_bytes} for unit, copies in answers for copy in copies]


def _ask_workers(cli: CliContext, path: str, kind: type[T]) -> list[tuple[str, T]]:
    """Return what each worker answers; those that do not are named."""
    from pioreactor.http.fanout import Failed, ask_each
    from pioreactor.http.units import decoded

    names = [worker["pioreactor_unit"] for worker in cli.workers()]
    found = []
    for answer in ask_each(names, lambda unit: decoded(cli.ask(unit, "GET", path), kind)):
        if isinstance(answer, Failed):
            click.echo(f"{answer.unit}: {answer.message}", err=True)
        else:
            found.append((answer.unit, answer.value))
    return found


@backups.command(name="restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "unit", default=None, metavar="UNIT", help="FILE is the name of a copy that this unit keeps.")
@click.option("--even-with-jobs", is_flag=True, help="Although jobs run: what they have recorded since is sent again.")
@yes_option
@pass_cli_context
def restore(cli: CliContext, file: Path, unit: str | None, even_with_jobs: bool, yes: bool) -> None:
    """Restore a backup. The present database is backed up first, so this can be undone the same way.

    Refused while jobs run on a unit of the cluster.
    """
    from pioreactor.actions.backup import location_of_database, verify
    from pioreactor.actions.backup import restore as put_back

    runtime = cli.runtime
    if not even_with_jobs:
        _refuse_while_jobs_run(cli)
    file = file if unit is None else _fetched(cli, unit, file.name)
    backup = verify(file)
    question = f"Replace all data in {location_of_database(runtime)} with the {backup.rows} rows of {file}?"
    if not yes and not click.confirm(question):
        raise click.Abort
    before = put_back(runtime, file)
    click.echo(f"Restored. The previous data is in {before}. Units send records again that this backup lacks.")


def _refuse_while_jobs_run(cli: CliContext) -> None:
    """Raise `ConflictError` while jobs run on this unit, or on a worker that answers."""
    here = {record.job_name for record in cli.runtime.stores.jobs().running()}
    try:
        others = _ask_workers(cli, "/unit_api/jobs/running", list[_Running])
    except PioreactorError as error:
        click.echo(f"Jobs of other units are not known: {error}", err=True)
        others = []
    names = {cli.runtime.unit: here} | {unit: {job["job_name"] for job in jobs} for unit, jobs in others}
    running = [f"{name} on {unit}" for unit, jobs in names.items() for name in activities_among(jobs)]
    if running:
        raise ConflictError(f"jobs run: {', '.join(running[:10])}", remedy="Stop them first: pios kill --all-jobs.")


def _fetched(cli: CliContext, unit: str, name: str) -> Path:
    """Bring a copy from a unit into the folder of backups."""
    from pioreactor.actions.backup import folder_of
    from pioreactor.cluster.backup_replication import fetch_copy

    target = folder_of(cli.runtime) / name
    if not target.exists():
        fetch_copy(unit, name, target, cli.fetch)
    return target
