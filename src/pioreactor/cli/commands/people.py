"""`pio people`: who may sign in to the leader, for people with access to its machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, limits_options, role_option, yes_option
from pioreactor.cli.render import print_result, print_table
from pioreactor.cli.sign_in_commands import (
    end_session,
    invitations,
    invite,
    opened_people,
    require_person,
    reset_second_factor,
    revoke_invitation,
    second_factors_of,
    sessions,
)
from pioreactor.exc import InvalidRequestError

if TYPE_CHECKING:
    from pioreactor.storage.leader.repositories.people import Person
    from pioreactor.structs.rights import Rights, Role


@click.group(cls=SuggestingGroup)
def people() -> None:
    """List, add and remove the people who may sign in; change rights and passwords."""


@people.command(name="list")
@json_option
@pass_cli_context
def list_(cli: CliContext, as_json: bool) -> None:
    """List the people who may sign in."""
    with opened_people(cli) as (known, _):
        factors = second_factors_of(cli)
        rows = [{**_row(one), "second_factor": factors.state(one.username).is_on} for one in known.all()]
    shown = [{**row, "limited_to": _limits(row)} for row in rows]
    columns = ["username", "role", "limited_to", "signs_in_by", "second_factor", "created_at"]
    print_result(rows, as_json, lambda: print_table(shown, columns, none="No one may sign in yet."))


@people.command()
@click.argument("username")
@click.option("--generate", is_flag=True, help="Make a password and print it, instead of asking for one.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from the first line of standard input.")
@role_option(default="viewer")
@limits_options("units", "experiments")
@pass_cli_context
def add(
    cli: CliContext,
    username: str,
    generate: bool,
    from_stdin: bool,
    role: Role,
    units: tuple[str, ...],
    experiments: tuple[str, ...],
) -> None:
    """Add a person who may sign in. The password is asked for; it is never an argument."""
    from pioreactor.identity import people as identity

    with opened_people(cli) as (known, _):
        if username in [one.username for one in known.all()]:
            raise InvalidRequestError(
                f"{username} may sign in already", remedy=f"For another password: pio people password {username}"
            )
        password = _new_password(username, generate=generate, from_stdin=from_stdin)
        identity.add(known, username, password, _rights(role, units, experiments))
    click.echo(f"{username} may sign in now.", err=True)
    if generate:
        click.echo(password)


@people.command()
@click.argument("username")
@role_option(required=True)
@limits_options("units", "experiments")
@pass_cli_context
def rights(cli: CliContext, username: str, role: Role, units: tuple[str, ...], experiments: tuple[str, ...]) -> None:
    """Give a person another role and other limits, in place of those before; within seconds for those signed in."""
    from pioreactor.identity import people as identity

    with opened_people(cli) as (known, _):
        require_person(known, username)
        identity.set_rights(known, username, _rights(role, units, experiments))
        [row] = [_row(one) for one in known.all() if one.username == username]
    limits = _limits(row)
    click.echo(f"{username} is {row['role']}; changes are {f'limited to: {limits}' if limits else 'not limited'}.")


@people.command()
@click.argument("username")
@yes_option
@pass_cli_context
def remove(cli: CliContext, username: str, yes: bool) -> None:
    """Remove a person, with their sessions and tokens. The last manager cannot be removed."""
    from pioreactor.identity import people as identity

    with opened_people(cli) as (known, opened):
        require_person(known, username)
        count = len(known.tokens(username))
        if not yes:
            tokens = f" and revoke {count} {'token' if count == 1 else 'tokens'}" if count else ""
            click.confirm(f"Remove {username}, end their sessions{tokens}?", abort=True)
        identity.remove(known, opened, username)
        second_factors_of(cli).remove(username)
    click.echo(f"{username} may no longer sign in.")


@people.command()
@click.argument("username")
@click.option("--generate", is_flag=True, help="Make a password and print it, instead of asking for one.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from the first line of standard input.")
@pass_cli_context
def password(cli: CliContext, username: str, generate: bool, from_stdin: bool) -> None:
    """Replace the password of a person, who is signed out everywhere. It is asked for, and never an argument."""
    from pioreactor.identity import people as identity

    with opened_people(cli) as (known, opened):
        require_person(known, username)
        new = _new_password(username, generate=generate, from_stdin=from_stdin)
        identity.set_password(known, opened, username, new)
    click.echo(f"{username} has a new password, and is signed out everywhere.", err=True)
    if generate:
        click.echo(new)


def _rights(role: Role, units: tuple[str, ...], experiments: tuple[str, ...]) -> Rights:
    """Return rights; an option that was not given is no limit."""
    from pioreactor.identity.authorization import checked_limit
    from pioreactor.structs.rights import Rights

    return Rights(role, checked_limit(units or None, "units"), checked_limit(experiments or None, "experiments"))


def _row(person: Person) -> dict[str, object]:
    rights = person.rights
    by = "issuer" if person.subject is not None else "password"
    named = {"role": rights.role, "units": rights.units, "experiments": rights.experiments}
    return {"username": person.username, "created_at": person.created_at, **named, "signs_in_by": by}


def _limits(row: dict[str, object]) -> str:
    """Return the names to which changes are limited; empty without a limit, `none` for a limit to nothing at all."""
    limits = [row["units"], row["experiments"]]
    return "; ".join(", ".join(names) if names else "none" for names in limits if isinstance(names, tuple))


def _new_password(username: str, *, generate: bool, from_stdin: bool) -> str:
    """Return a password that was generated, read, or typed twice without being shown."""
    if generate and from_stdin:
        raise click.UsageError("--generate and --stdin are mutually exclusive.")
    if generate:
        from pioreactor.identity.passwords import generate_password

        return generate_password()
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the password: use --stdin or --generate.")
    return str(click.prompt(f"New password of {username}", hide_input=True, confirmation_prompt=True))


for _command in (sessions, end_session, invite, invitations, revoke_invitation, reset_second_factor):
    people.add_command(_command)
