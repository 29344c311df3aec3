"""`pio backups`: makes, lists, verifies and restores backups of the database."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict, TypeVar
from urllib.parse import quote

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_json, print_result
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
    is_before_restore: bool


@click.group(name="backups")
def backups() -> None:
    """Make, list, verify and restore backups of the database."""


@backups.command(name="make")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the copy here.")
@click.option(
    "--backup-to-workers", "copies", type=click.IntRange(0, 100), default=None, help="Workers that get a copy."
)
@click.pass_context
@pass_cli_context
def make(cli: CliContext, ctx: click.Context, output: Path | None, copies: int | None) -> None:
    """Copy the database while experiments run, verify the copy, and send it to workers: pio run backup_database."""
    from pioreactor.cli.running.backup import backup_database
    from pioreactor.runtime import context

    with context.using(cli.runtime):
        ctx.invoke(backup_database, output=output, copies=copies)


@backups.command(name="list")
@click.option("--everywhere", is_flag=True, help="Include the copies that workers keep.")
@json_option
@pass_cli_context
def list_(cli: CliContext, everywhere: bool, as_json: bool) -> None:
    """List backups, newest first, then the copies of what restorations replaced."""
    here = cli.runtime.unit
    rows: list[_Row] = [
        {"unit": here, "path": str(path), "bytes": path.stat().st_size, "is_before_restore": is_before}
        for path, is_before in _kept_here(cli).items()
    ]
    if everywhere:
        rows += _on_workers(cli)
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("No backups. Make one: pio backups make")
    for row in rows:
        where = "" if row["unit"] == here else f"  on {row['unit']}"
        where += "  before a restore" if row["is_before_restore"] else ""
        click.echo(f"{row['path']}  {row['bytes'] / 1e6:.1f} MB{where}")


def _on_workers(cli: CliContext) -> list[_Row]:
    """Return the copies of each worker that answers."""
    from pioreactor.cluster.backup_replication import Copy

    answers = _ask_workers(cli, "/unit_api/backups", list[Copy])
    return [
        {"unit": unit, "path": copy.name, "bytes": copy.size_bytes, "is_before_restore": False}
        for unit, copies in answers
        for copy in copies
    ]


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


def _kept_here(cli: CliContext) -> dict[Path, bool]:
    """Return what this unit keeps, and whether it is of what a restoration replaced."""
    from pioreactor.actions.backup import before_restores, list_backups

    return dict.fromkeys(list_backups(cli.runtime), False) | dict.fromkeys(before_restores(cli.runtime), True)


def _found(cli: CliContext, file: Path) -> Path:
    """Return a file, or the backup of that name that this unit keeps."""
    named = [path for path in _kept_here(cli) if path.name == str(file)]
    return named[0] if named and not file.exists() else file


@backups.command(name="verify")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "unit", default=None, metavar="UNIT", help="FILE is the name of a copy that this unit keeps.")
@json_option
@pass_cli_context
def verify_(cli: CliContext, files: tuple[Path, ...], unit: str | None, as_json: bool) -> None:
    """Read all of each FILE, a path or a name, and count its rows; without FILE, of all that are kept here.

    Nothing is changed. The exit code is 1 if one is damaged.
    """
    if unit is not None and not files:
        raise click.UsageError("Name the copies that the unit keeps: pio backups list --everywhere.")
    rows = [_verified(cli, file, unit) for file in (files if files else _kept_here(cli))]
    lines = [
        f"{row['path']}: {row['error']}" if "error" in row else f"{row['path']}: {row['rows']} rows" for row in rows
    ]
    print_result(rows, as_json, *(lines if lines else ["No backups. Make one: pio backups make"]))
    damaged = [str(row["path"]) for row in rows if "error" in row]
    if damaged:
        raise PioreactorError(f"cannot be restored: {', '.join(damaged)}", remedy="Make another: pio backups make.")


def _verified(cli: CliContext, file: Path, unit: str | None) -> dict[str, object]:
    """Return how many rows a copy has, or why it cannot be restored."""
    found: dict[str, object] = {"unit": unit if unit is not None else cli.runtime.unit, "path": str(file)}
    try:
        found["rows"] = _rows_of(cli, file, unit)
    except PioreactorError as error:
        found["error"] = str(error)
    return found


def _rows_of(cli: CliContext, file: Path, unit: str | None) -> int:
    """Return how many rows a copy has, of this unit or another."""
    from pioreactor.actions.backup import verify
    from pioreactor.cluster.backup_replication import PATH, VERIFY_TIMEOUT_S, VerifiedCopy
    from pioreactor.http.units import decoded

    if unit is None:
        return verify(_found(cli, file)).rows
    answer = cli.ask(unit, "POST", f"{PATH}/{quote(file.name)}/verify", timeout_s=VERIFY_TIMEOUT_S)
    return decoded(answer, VerifiedCopy).rows


@backups.command(name="restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "unit", default=None, metavar="UNIT", help="FILE is the name of a copy that this unit keeps.")
@click.option("--even-with-jobs", is_flag=True, help="Although jobs run: what they have recorded since is sent again.")
@yes_option
@pass_cli_context
def restore(cli: CliContext, file: Path, unit: str | None, even_with_jobs: bool, yes: bool) -> None:
    """Restore a backup, a file or the name of one that is listed.

    The present database is backed up first, so this can be undone the same way.
    Refused while jobs run on a unit of the cluster.
    """
    from pioreactor.actions.backup import location_of_database, verify
    from pioreactor.actions.backup import restore as put_back

    runtime = cli.runtime
    if not even_with_jobs:
        _refuse_while_jobs_run(cli)
    file = _found(cli, file) if unit is None else _fetched(cli, unit, file.name)
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
