"""`pio tokens`: tokens with which programs use the API for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, limits_options, role_option, yes_option
from pioreactor.cli.render import print_result, print_table
from pioreactor.cli.sign_in_commands import opened_database
from pioreactor.exc import InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from pioreactor.storage.leader.repositories.people import People
    from pioreactor.structs.rights import Area, Role


@click.group(cls=SuggestingGroup)
def tokens() -> None:
    """Create, list and revoke the tokens with which programs use the API."""


@tokens.command()
@click.argument("name")
@click.option("--person", metavar="NAME", help="Whose token it is; not needed if only one person can sign in.")
@click.option("--expires-in-days", type=click.IntRange(1, 3650), help="Days until it expires; default: never.")
@role_option()
@limits_options("units", "areas")
@click.option("--agent", is_flag=True, help="For an agent: it uses tools (/mcp) only.")
@click.option("--media-ml", type=click.FloatRange(0, 1e6), help="Media that an agent may add in all [mL].")
@click.option("--celsius-hours", type=click.FloatRange(0, 1e6), help="Heat above 22 °C for an agent in all [°C·h].")
@click.option("--acts-per-hour", type=click.IntRange(0, 10_000), help="Changes that an agent may make in an hour.")
@json_option
@pass_cli_context
def create(
    cli: CliContext,
    name: str,
    person: str | None,
    expires_in_days: int | None,
    role: Role | None,
    units: tuple[str, ...],
    areas: tuple[Area, ...],
    agent: bool,
    as_json: bool,
    media_ml: float | None,
    celsius_hours: float | None,
    acts_per_hour: int | None,
) -> None:
    """Create a token with which a program acts for a person, and print it: it is not shown again.

    It may do what the person may; with a role, units or areas only what both allow.
    """
    from pioreactor.identity import access_tokens
    from pioreactor.structs.rights import Budget

    budget = Budget(media_ml, celsius_hours, acts_per_hour)
    given = budget if budget != Budget() else None
    with opened_database(cli) as database:
        people = database.people
        created = access_tokens.create(
            people,
            name=name,
            username=_owner(people, person),
            now=cli.runtime.clock.now(),
            expires_in_days=expires_in_days,
            rights=access_tokens.limits_of(
                role=role, units=units or None, areas=areas or None, is_agent=agent, budget=given
            ),
        )
    print_result(created, as_json, created.token)
    click.echo(f"Keep it now, it is not shown again. It acts for {created.username}; send it as", err=True)
    click.echo("Authorization: Bearer TOKEN", err=True)


@tokens.command(name="list")
@json_option
@pass_cli_context
def list_(cli: CliContext, as_json: bool) -> None:
    """List the tokens of everybody, without their secrets."""
    from pioreactor.identity import access_tokens

    with opened_database(cli) as database:
        people = database.people
        rows = access_tokens.list_all(people)
    import msgspec

    columns = ["id", "name", "username", "role", "created_at", "last_used_at", "expires_at"]
    shown = [{**msgspec.structs.asdict(row), "role": row.rights.role if row.rights else ""} for row in rows]
    print_result(rows, as_json, lambda: print_table(shown, columns, none="There are no tokens."))


@tokens.command()
@click.argument("id_or_name", metavar="ID|NAME")
@yes_option
@json_option
@pass_cli_context
def revoke(cli: CliContext, id_or_name: str, yes: bool, as_json: bool) -> None:
    """Revoke a token: requests with it are refused from now on."""
    from pioreactor.identity import access_tokens

    with opened_database(cli) as database:
        people = database.people
        found = access_tokens.find(people, id_or_name)
        if not yes:
            question = f"Revoke {found.name} ({found.id}) of {found.username}? Programs that use it stop working"
            click.confirm(question, abort=True)
        access_tokens.revoke(people, found.id)
    print_result(found, as_json, f"Revoked {found.name} ({found.id}) of {found.username}.")


def _owner(people: People, chosen: str | None) -> str:
    """Return the person who was chosen, or the only one there is."""
    names = [person.username for person in people.all()]
    if chosen is not None:
        if chosen not in names:
            raise NotFoundError(f"there is no person {chosen!r}", remedy=f"One of {', '.join(names)}.")
        return chosen
    if len(names) != 1:
        raise InvalidRequestError(
            "it is not clear whose token this is", remedy=f"Give --person, one of {', '.join(names)}."
        )
    return names[0]
