"""`pio proposals`: what agents propose, and a person's decision about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_list, print_result
from pioreactor.cli.sign_in_commands import opened_database, second_factors_of
from pioreactor.exc import ConflictError, NotAuthenticatedError, NotPermittedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pioreactor.storage.leader.database import LeaderDatabase
    from pioreactor.storage.leader.repositories.proposals import Proposal


@click.group(cls=SuggestingGroup)
def proposals() -> None:
    """List, approve and reject what agents propose."""


@proposals.command(name="list")
@json_option
@pass_cli_context
def list_(cli: CliContext, as_json: bool) -> None:
    """List the latest 100 proposals, newest first."""
    with opened_database(cli) as database:
        found = database.proposals.latest()
    print_list(
        found,
        lambda one: {
            "id": one.id,
            "created_at": one.created_at,
            "token": one.token,
            "status": one.status,
            "act": one.act.summary,
        },
        as_json=as_json,
        none="There are no proposals.",
    )


@proposals.command()
@click.argument("id_", metavar="ID")
@json_option
@pass_cli_context
def show(cli: CliContext, id_: str, as_json: bool) -> None:
    """Show one proposal: effects, rehearsal, budget, and what was decided."""
    with opened_database(cli) as database:
        found = database.proposals.get(id_)
    print_result(found, as_json, *_lines(found))


def _decision(function: Callable[..., None]) -> Callable[..., None]:
    """Add what approving and rejecting have in common."""
    for add in (
        pass_cli_context,
        json_option,
        click.option("--note", default="", help="Why, for the record."),
        click.option("--person", metavar="NAME", required=True, help="Who decides; their password is asked for."),
        click.argument("id_", metavar="ID"),
    ):
        function = add(function)
    return function


@proposals.command()
@click.option("--without-rehearsal", is_flag=True, help="Accept that there is no rehearsal.")
@_decision
def approve(cli: CliContext, id_: str, person: str, note: str, as_json: bool, without_rehearsal: bool) -> None:
    """Approve a proposal, after asking for your password: the agent may commit it once."""
    with opened_database(cli) as database:
        found = _decidable(cli, database, id_, person)
        if found.rehearsal.status != "done" and not without_rehearsal:
            raise ConflictError(f"there is no rehearsal: {found.rehearsal.text}", remedy="Add --without-rehearsal.")
        decided = database.proposals.decide(found, "approved", by=person, note=note)
    _print(decided, as_json)


@proposals.command()
@_decision
def reject(cli: CliContext, id_: str, person: str, note: str, as_json: bool) -> None:
    """Reject a proposal, after asking for your password."""
    with opened_database(cli) as database:
        decided = database.proposals.decide(_decidable(cli, database, id_, person), "rejected", by=person, note=note)
    _print(decided, as_json)


def _decidable(cli: CliContext, database: LeaderDatabase, id_: str, person: str) -> Proposal:
    """Return a proposal once the person has shown who they are, and that they may decide about it."""
    from pioreactor.identity import people
    from pioreactor.identity.authorization import Request, check

    found = database.proposals.get(id_)
    for line in _lines(found):
        click.echo(line, err=True)
    if second_factors_of(cli).state(person).is_on:
        raise NotPermittedError(f"{person} signs in with a code too", remedy="Decide in the panel, page Proposals.")
    if not people.check(database.people, person, click.prompt(f"Password of {person}", hide_input=True, err=True)):
        raise NotAuthenticatedError("the name or the password is wrong")
    rights, act = database.people.rights(person), found.act
    if rights is None:
        raise NotAuthenticatedError(f"there is no person {person!r}")
    wanted = Request(act.access, act.area, act.unit, act.experiment, act.reaches_all_units)
    check(rights, wanted, experiment_of=database.assignments.experiment_of)
    return found


def _lines(found: Proposal) -> list[str]:
    act, effects = found.act, found.act.effects
    return [
        f"{found.id}  {found.status}  by the agent {found.token} of {found.username}; expires {found.expires_at}",
        act.summary,
        f"media {_amount(effects.media_ml)} mL, waste {_amount(effects.waste_ml)} mL, "
        f"heat {_amount(effects.celsius_hours)} °C·h",
        f"vial afterwards {_amount(effects.volume_ml)} mL of at most {_amount(effects.max_volume_ml)} mL",
        *effects.hazards,
        f"rehearsal: {found.rehearsal.status}. {found.rehearsal.text}",
    ]


def _amount(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _print(decided: Proposal, as_json: bool) -> None:
    print_result(decided, as_json, f"{decided.status.capitalize()}: {decided.act.summary}")
