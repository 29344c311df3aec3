"""`pio home-assistant`: what Home Assistant shows of the units, and what it may command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_json
from pioreactor.cli.sign_in_commands import opened_database

if TYPE_CHECKING:
    from pioreactor.cluster.home_assistant import HomeAssistantStatus
    from pioreactor.storage.leader.repositories.people import People


@click.group(name="home-assistant", cls=SuggestingGroup)
def home_assistant() -> None:
    """Show the units in Home Assistant, over the leader's broker."""


@home_assistant.command()
@click.option("--token", metavar="ID|NAME", help="Token whose rights its commands have; without, it only reads.")
@click.option("--renew-password", is_flag=True, help="Make a new password for its account at the broker.")
@json_option
@pass_cli_context
def enable(cli: CliContext, token: str | None, renew_password: bool, as_json: bool) -> None:
    """Announce the units, and print the account with which Home Assistant connects to the broker.

    The password is not shown again.
    """
    from pioreactor.cluster import home_assistant as switch

    with opened_database(cli) as database:
        now = cli.runtime.clock.now()
        password = switch.enable(cli.paths, database.people, token=token, renew=renew_password, now=now)
        found = _status(cli, database.people)
    found.password = password
    _print(found, as_json)
    click.echo("In Home Assistant: Settings, Devices & services, Add integration, MQTT.", err=True)


@home_assistant.command()
@yes_option
@json_option
@pass_cli_context
def disable(cli: CliContext, yes: bool, as_json: bool) -> None:
    """Withdraw what was announced, and remove the account at the broker."""
    from pioreactor.cluster import home_assistant as switch

    with opened_database(cli) as database:
        if not yes:
            click.confirm("Remove all units from Home Assistant, and its account at the broker?", abort=True)
        switch.disable(cli.paths)
        _print(_status(cli, database.people), as_json)


@home_assistant.command()
@json_option
@pass_cli_context
def status(cli: CliContext, as_json: bool) -> None:
    """Show whether units are announced to Home Assistant, and the person of its token."""
    with opened_database(cli) as database:
        _print(_status(cli, database.people), as_json)


def _status(cli: CliContext, people: People) -> HomeAssistantStatus:
    from pioreactor.cluster import home_assistant as switch
    from pioreactor.settings.load import load_settings

    settings = load_settings(cli.paths.global_config, cli.paths.local_config)
    return switch.status(cli.paths, settings, people, now=cli.runtime.clock.now())


def _print(found: HomeAssistantStatus, as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif not found.enabled:
        click.echo("Units are not announced to Home Assistant.")
    else:
        account = f"user {found.username}" if found.has_account else "an account that you make"
        click.echo(f"Broker: {found.broker_address}, port {found.broker_port}, {account}")
        if found.password is not None:
            click.echo(f"Password: {found.password}")
        person = found.commands_by if found.commands_by is not None else "no one: it only reads"
        click.echo(f"It commands for {person}." + (f" Token: {found.token}" if found.token is not None else ""))
