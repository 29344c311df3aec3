"""`pio people sessions`, `end-session`, `invite` and the like: where people are signed in, and who is invited."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option, limits_options, role_option, yes_option
from pioreactor.cli.render import print_result, print_table
from pioreactor.exc import NotFoundError

if TYPE_CHECKING:
    from pioreactor.identity.second_factor import SecondFactors
    from pioreactor.identity.sessions import Sessions
    from pioreactor.storage.leader.database import LeaderDatabase
    from pioreactor.storage.leader.repositories.people import People
    from pioreactor.structs.rights import Role


@contextmanager
def opened_people(cli: CliContext) -> Iterator[tuple[People, Sessions]]:
    """Open the leader's people and sessions; raise `NotFoundError` on another machine."""
    from time import time

    from pioreactor.identity.sessions import STORE, Sessions

    with opened_database(cli) as database:
        yield database.people, Sessions(cli.runtime.stores.persistent(STORE), seconds=time)


def second_factors_of(cli: CliContext) -> SecondFactors:
    """Return the second factors of the people of this leader."""
    from time import time

    from pioreactor.identity.second_factor import SecondFactors

    return SecondFactors(cli.runtime.paths.secrets, seconds=time)


@contextmanager
def opened_database(cli: CliContext) -> Iterator[LeaderDatabase]:
    """Open the leader's database; raise `NotFoundError` on another machine."""
    from pioreactor.storage.leader.database import LeaderDatabase

    database = LeaderDatabase.open(cli.database_location(), now=cli.runtime.clock.now)
    try:
        yield database
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
    import msgspec

    print_result(
        rows,
        as_json,
        lambda: print_table(
            [msgspec.structs.asdict(row) for row in rows],
            ["id", "username", "opened_at", "last_seen_at", "address", "browser"],
            none="No one is signed in.",
        ),
    )


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


@click.command()
@role_option(default="viewer")
@limits_options("units", "experiments")
@click.option("--hours", type=click.IntRange(1, 720), default=72, help="Hours until it expires. Default: 72.")
@click.option("--note", default="", help="Who it is for.")
@json_option
@pass_cli_context
def invite(
    cli: CliContext,
    role: Role,
    units: tuple[str, ...],
    experiments: tuple[str, ...],
    hours: int,
    note: str,
    as_json: bool,
) -> None:
    """Make a link with which one person chooses a name and a password, and print it: it is not shown again."""
    from pioreactor.identity import invitation_links
    from pioreactor.identity.authorization import checked_limit
    from pioreactor.structs.rights import Rights

    rights = Rights(role, checked_limit(units or None, "units"), checked_limit(experiments or None, "experiments"))
    now = cli.runtime.clock.now()
    with opened_database(cli) as database:
        made = invitation_links.create(database.invitations, rights=rights, hours=hours, now=now, note=note)
    print_result(made, as_json, cli.url_of(cli.runtime.unit) + made.link)
    click.echo(f"Send it to the person; it can be used once, until {made.expires_at}.", err=True)


@click.command()
@json_option
@pass_cli_context
def invitations(cli: CliContext, as_json: bool) -> None:
    """List the invitations, without their secrets, and what has become of them."""
    import msgspec

    from pioreactor.identity import invitation_links

    with opened_database(cli) as database:
        rows = invitation_links.list_all(database.invitations, now=cli.runtime.clock.now())
    shown = [{**msgspec.structs.asdict(row), "role": row.rights.role} for row in rows]
    columns = ["id", "state", "role", "note", "invited_by", "expires_at", "used_by"]
    print_result(rows, as_json, lambda: print_table(shown, columns, none="There are no invitations."))


@click.command(name="revoke-invitation")
@click.argument("id_", metavar="ID")
@pass_cli_context
def revoke_invitation(cli: CliContext, id_: str) -> None:
    """Revoke an invitation, by the id that `pio people invitations` shows: its link is not valid any more."""
    from pioreactor.identity import invitation_links

    with opened_database(cli) as database:
        invitation_links.revoke(database.invitations, id_)
    click.echo("The link is not valid any more.")


@click.command(name="reset-second-factor")
@click.argument("username", metavar="NAME")
@yes_option
@pass_cli_context
def reset_second_factor(cli: CliContext, username: str, yes: bool) -> None:
    """Switch the second factor of a person off who has lost it; the password is enough again."""
    with opened_people(cli) as (known, _):
        require_person(known, username)
    if not yes:
        click.confirm(f"Let {username} sign in with the password alone?", abort=True)
    second_factors_of(cli).reset(username)
    click.echo(f"{username} signs in with the password alone.")
