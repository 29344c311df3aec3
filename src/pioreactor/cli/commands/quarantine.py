"""`pio db quarantine`: records that could not be read or stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_json, print_pairs, print_result, print_table
from pioreactor.exc import InvalidRequestError

if TYPE_CHECKING:
    from pioreactor.storage.leader.database import LeaderDatabase

_REASON_CHARACTERS = 70


@click.group(name="quarantine")
def quarantine() -> None:
    """Look at records that could not be stored, try them again, discard them."""


@quarantine.command(name="list")
@click.option("--skip", type=click.IntRange(0), default=0, help="Leave out so many of the newest.")
@json_option
@pass_cli_context
def list_(cli: CliContext, skip: int, as_json: bool) -> None:
    """List up to 100 records, newest first."""
    with _opened(cli) as database:
        rows, total = database.quarantine.page(skip=skip), database.quarantine.count()
    if as_json:
        print_json({"total": total, "rows": rows})
        return
    lines = [
        {
            "id": row.id,
            "received_at": row.received_at,
            "unit": row.pioreactor_unit,
            "for": row.table_name if row.topic is None else row.topic,
            "reason": row.reason[:_REASON_CHARACTERS],
        }
        for row in rows
    ]
    print_table(lines, ["id", "received_at", "unit", "for", "reason"], none="Nothing is in quarantine.")
    if total > len(rows):
        click.echo(f"{total} in all; see more with --skip {skip + len(rows)}")


@quarantine.command()
@click.argument("id_", metavar="ID", type=int)
@json_option
@pass_cli_context
def show(cli: CliContext, id_: int, as_json: bool) -> None:
    """Show one record with its whole payload."""
    with _opened(cli) as database:
        row = database.quarantine.get(id_)
    import msgspec

    print_result(row, as_json, lambda: print_pairs(msgspec.structs.asdict(row)))


@quarantine.command()
@click.argument("ids", metavar="[ID]...", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every record in quarantine.")
@json_option
@pass_cli_context
@click.pass_context
def retry(ctx: click.Context, cli: CliContext, ids: tuple[int, ...], everything: bool, as_json: bool) -> None:
    """Store records as if they came now, with their original moments. What fails stays. Ends with status 1 then."""
    from pioreactor.background_jobs.leader.topic_parsers import rows_of
    from pioreactor.plugin_management import get_plugins
    from pioreactor.storage.leader.ingest.record_sinks import open_record_sink

    get_plugins(cli.paths.plugins)
    with _opened(cli) as database:
        chosen = _chosen(database, ids, everything=everything)
        sink = open_record_sink(database.location)
        try:
            results = sink.retry(chosen, rows_of)
        finally:
            sink.close()
    failed = [result for result in results if result.reason is not None]
    stored = len(results) - len(failed)
    print_result({"stored": stored, "failed": failed}, as_json, f"{stored} of {len(results)} stored.")
    for result in failed:
        click.echo(f"{result.id} stays: {result.reason}.", err=True)
    ctx.exit(1 if failed else 0)


@quarantine.command()
@click.argument("ids", metavar="[ID]...", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every record in quarantine.")
@yes_option
@pass_cli_context
def discard(cli: CliContext, ids: tuple[int, ...], everything: bool, yes: bool) -> None:
    """Delete records for ever. The units have let go of them: there is no other copy."""
    with _opened(cli) as database:
        chosen = _chosen(database, ids, everything=everything)
        if not chosen:
            click.echo("Nothing is in quarantine.")
            return
        if not yes and not click.confirm(f"Delete {len(chosen)} records for ever? There is no other copy"):
            raise click.Abort
        click.echo(f"Discarded {database.quarantine.discard(chosen)} records.")


@contextmanager
def _opened(cli: CliContext) -> Iterator[LeaderDatabase]:
    from pioreactor.storage.leader.database import LeaderDatabase

    database = LeaderDatabase.open(cli.database_location())
    try:
        yield database
    finally:
        database.close()


def _chosen(database: LeaderDatabase, ids: tuple[int, ...], *, everything: bool) -> list[int]:
    """Return the rows that are meant, each of which is there."""
    if everything == bool(ids):
        raise InvalidRequestError(
            "it is not clear which records are meant", remedy="Give their numbers (pio db quarantine list), or --all."
        )
    if everything:
        return database.quarantine.ids()
    return [database.quarantine.get(id_).id for id_ in dict.fromkeys(ids)]
