"""`pio people sessions` and `end-session`: where people are signed in, and signing them out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_json, print_table
from pioreactor.exc import NotFoundError

if TYPE_CHECKING:
    from pioreactor.identity.sessions import Sessions
    from pioreactor.storage.leader.repositories.people import People


@contextmanager
def opened_people(cli: CliContext) -> Iterator[tuple[People, Sessions]]:
    """Open the leader's people and sessions; raise `NotFoundError` on another machine."""
    from time import time

    from pioreactor.identity.sessions import STORE, Sessions
    from pioreactor.storage.leader.database import LeaderDatabase

    database = LeaderDatabase.open(cli.database(), now=cli.runtime.clock.now)
    try:
        yield database.people, Sessions(cli.runtime.stores.persistent(STORE), seconds=time)
    finally:
        database.close()


def require_person(known: People, username: str) -> None:
    """Raise `NotFoundError` with the names that there are unless this is one of them."""
    names = [one.username for one in known.all()]
    if username not in names:
        raise NotFoundError(f"there is no person {username!r}", remedy=f"One of {', '.join(names)}.")


@click.command()
@click.argument("username", metavar="[NAME]", required=False)
@json_option
@pass_cli_context
def sessions(cli: CliContext, username: str | None, as_json: bool) -> None:
    """List where people are signed in: since when, last seen, address and browser."""
    with opened_people(cli) as (known, opened):
        if username is not None:
            require_person(known, username)
        rows = [row for row in opened.all() if username in (None, row.username)]
    if as_json:
        print_json(rows)
        return
    import msgspec

    columns = ["id", "username", "opened_at", "last_seen_at", "address", "browser"]
    print_table([msgspec.structs.asdict(row) for row in rows], columns, none="Nobody is signed in.")


@click.command(name="end-session")
@click.argument("id_", metavar="ID")
@yes_option
@pass_cli_context
def end_session(cli: CliContext, id_: str, yes: bool) -> None:
    """Sign a browser out, by the id that `pio people sessions` shows; it takes 5 s at most."""
    with opened_people(cli) as (_, opened):
        found = [row for row in opened.all() if row.id == id_]
        if not found:
            raise NotFoundError(f"there is no session {id_[:64]!r}", remedy="See `pio people sessions`.")
        if not yes:
            browser = found[0].browser or "a browser"
            click.confirm(f"Sign {found[0].username} out on {browser} ({found[0].address or 'unknown'})?", abort=True)
        opened.close_by_id(id_)
    click.echo(f"{found[0].username} is signed out there.")
