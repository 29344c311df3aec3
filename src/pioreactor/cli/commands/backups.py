"""`pio backups`: what copies of the database there are, and putting one back."""

from __future__ import annotations

from pathlib import Path

import click

from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.surroundings import Surroundings, pass_surroundings


@click.group(name="backups")
def backups() -> None:
    """Look at backups of the leader's database, and restore one."""


@backups.command(name="list")
@json_option
@pass_surroundings
def list_(surroundings: Surroundings, as_json: bool) -> None:
    """List backups, newest first. Make one with `pio run backup_database`."""
    from pioreactor.actions.backup import list_backups

    sizes = {str(path): path.stat().st_size for path in list_backups(surroundings.runtime)}
    if as_json:
        import json

        click.echo(json.dumps([{"path": path, "bytes": size} for path, size in sizes.items()]))
        return
    if not sizes:
        click.echo("No backups. Make one: pio run backup_database")
    for path, size in sizes.items():
        click.echo(f"{path}  {size / 1e6:.1f} MB")


@backups.command(name="restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@yes_option
@pass_surroundings
def restore(surroundings: Surroundings, file: Path, yes: bool) -> None:
    """Put a backup back into the database. What is there now is copied first, so this can be undone the same way."""
    from pioreactor.actions.backup import database_of, verify
    from pioreactor.actions.backup import restore as put_back

    runtime = surroundings.runtime
    backup = verify(file)
    question = f"Replace everything in {database_of(runtime)} by {backup.rows} rows of {file}?"
    if not yes and not click.confirm(question):
        raise click.Abort
    before = put_back(runtime, file)
    click.echo(f"Restored. What was there is in {before}. Units send again what they still hold and this backup lacks.")
