"""`pio database`: where the leader's database is, its move between SQLite and PostgreSQL, and its roll-ups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_pairs, print_result

if TYPE_CHECKING:
    from pioreactor.storage.leader.location import DatabaseLocation
    from pioreactor.storage.leader.rollups.differences import VerifiedRollups

_FILE: Final = "sqlite"


@click.group()
def database() -> None:
    """Show where the database is, verify, repair and move it.

    It moves to PostgreSQL or back.
    """


@database.command()
@json_option
@pass_cli_context
def status(cli: CliContext, as_json: bool) -> None:
    """Print which database the leader has, its size, and the command that moves it."""
    import msgspec

    from pioreactor.storage.leader.database_status import status_of

    found = status_of(cli.database_location())
    print_result(
        found,
        as_json,
        lambda: print_pairs({name.replace("_", " "): value for name, value in msgspec.structs.asdict(found).items()}),
    )


@database.command()
@json_option
@pass_cli_context
def verify(cli: CliContext, as_json: bool) -> None:
    """Compare the roll-ups, which charts are drawn from, with the rows; nothing is changed.

    The exit code is 1 if they differ. Every number is read: 10 million rows take minutes.
    """
    from pioreactor.exc import StorageError
    from pioreactor.storage.leader.rollups.differences import verify_rollups

    found = verify_rollups(cli.database_location())
    print_result(found, as_json, *map(_verdict, found))
    if any(one.differing for one in found):
        raise StorageError("roll-ups differ from their rows", remedy="Make them anew: pio database repair.")


def _verdict(one: VerifiedRollups) -> str:
    if one.waiting:
        return f"{one.table}: {one.waiting} minutes wait to be rolled up again, and it was not compared"
    verdict = f"{one.differing} buckets differ" if one.differing else "right"
    return "\n    ".join([f"{one.table}: {verdict}", *one.examples])


@database.command()
@click.option("--all", "is_all", is_flag=True, help="Also those that do not differ.")
@json_option
@pass_cli_context
def repair(cli: CliContext, is_all: bool, as_json: bool) -> None:
    """Make the roll-ups that differ from the rows anew, while experiments run; rows are not changed."""
    from pioreactor.storage.leader.rollups.differences import repair_rollups, verify_rollups

    location = cli.database_location()
    tables = [one.table for one in verify_rollups(location) if one.differing or is_all]
    repair_rollups(location, tables, lambda text: click.echo(text, err=True))
    found = [one for one in verify_rollups(location) if one.table in tables]
    print_result(found, as_json, *map(_verdict, found), *([] if tables else ["There is nothing to repair."]))


@database.command()
@click.argument("target")
@yes_option
@json_option
@pass_cli_context
def move(cli: CliContext, target: str, yes: bool, as_json: bool) -> None:
    """Move the database to TARGET, postgresql://… or `sqlite`, and use it from then on.

    The services of the leader are stopped before; units keep what they record meanwhile. Every row is copied and
    compared. The same command continues an interrupted move. The former database stays.
    """
    from pioreactor.settings.editing import set_value
    from pioreactor.storage.leader.location import location_of
    from pioreactor.storage.leader.postgresql.move_database import move_database

    source = cli.database_location()
    wanted = location_of(None if target == _FILE else target, cli.paths)
    if not yes and not click.confirm(f"Move {source} to {wanted}?"):
        raise click.Abort
    moved = move_database(source, wanted, progress=_show)
    set_value(cli.paths.local_config, "storage", "database", str(wanted))
    kept = _put_aside(cli, source)
    print_result(
        {"moved": moved, "former": kept},
        as_json,
        f"{moved.rows} rows of {len(moved.tables)} tables are in {wanted}, compared row for row.",
        f"The former database is {kept}. Start the services of the leader again.",
    )


def _show(table: str, done: int, total: int) -> None:
    click.echo(f"{table}: {done} of {total} rows", err=True)


def _put_aside(cli: CliContext, source: DatabaseLocation) -> str:
    """Give a former file another name, so that a later move finds its place free."""
    from pioreactor.private_files import free_path

    if not isinstance(source, Path):
        return str(source)
    now = cli.runtime.clock.now()
    return str(source.rename(free_path(source.with_name(f"before-move-{now:%Y%m%dT%H%M%S}.sqlite"))))
