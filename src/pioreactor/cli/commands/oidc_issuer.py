"""`pio oidc`: the issuer that people sign in by, for people with access to the leader's machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_result
from pioreactor.cli.sign_in_commands import opened_people

if TYPE_CHECKING:
    from pioreactor.identity.oidc.issuer_sign_in import OidcSignIn
    from pioreactor.storage.leader.repositories.people import People


@click.group(cls=SuggestingGroup)
def oidc() -> None:
    """Check the OpenID Connect issuer that people sign in by."""


@oidc.command()
@json_option
@pass_cli_context
def check(cli: CliContext, as_json: bool) -> None:
    """Ask the issuer in `[oidc]` for what it says about itself, and for its keys."""

    with opened_people(cli) as (known, _):
        found = _sign_in(cli, known).check()
    print_result(
        found,
        as_json,
        f"{found.issuer} answers; keys: {found.keys}; signatures by {', '.join(found.algorithms)}.",
        f"Redirect URI to register there: {found.redirect_uri}",
        "This leader has a secret." if found.has_secret else "This leader has no secret: it is a public client.",
    )


@oidc.command()
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the secret from the first line of standard input.")
@pass_cli_context
def secret(cli: CliContext, from_stdin: bool) -> None:
    """Store the secret that the issuer gave to this leader; blank: forget it. It is never an argument."""
    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        given = str(
            click.prompt("Secret of this leader at the issuer", hide_input=True, default="", show_default=False)
        )
    else:
        raise click.UsageError("There is no terminal to ask for the secret: use --stdin.")
    with opened_people(cli) as (known, _):
        _sign_in(cli, known).store_secret(given)
    click.echo("The secret is stored." if given.strip() else "The secret is forgotten.", err=True)


def _sign_in(cli: CliContext, known: People) -> OidcSignIn:
    from pioreactor.bootstrap.process import public_http_client
    from pioreactor.identity.oidc.issuer_sign_in import OidcSignIn

    return OidcSignIn(lambda: cli.runtime.settings, cli.runtime.paths.secrets, public_http_client(), known)
