"""`pio rehearsals`: rehearsals that are kept, beside what really happened."""

from __future__ import annotations

import click
import msgspec

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_result, print_rows
from pioreactor.experiment_profiles.kept_rehearsals import KeptRehearsals
from pioreactor.experiment_profiles.rehearsal_comparison import compared
from pioreactor.rehearsal.rehearsal_text import text_of, text_of_comparison


@click.group(name="rehearsals")
def rehearsals() -> None:
    """Look at rehearsals that are kept, beside what really happened."""


_LISTED = ("id", "profile_name", "started_at", "runs", "hazards")
_experiment = click.option("--experiment", metavar="NAME", help="Default: the experiment of this unit.")


@rehearsals.command(name="list")
@_experiment
@json_option
@pass_cli_context
def list_(cli: CliContext, experiment: str | None, as_json: bool) -> None:
    """List the rehearsals of an experiment, newest first."""
    rows = KeptRehearsals(cli.paths.rehearsals).rows(named(cli, experiment))
    print_rows(list(map(msgspec.structs.asdict, rows)), _LISTED, as_json=as_json)


@rehearsals.command()
@click.argument("rehearsal_id", required=False)
@_experiment
@json_option
@pass_cli_context
def show(cli: CliContext, rehearsal_id: str | None, experiment: str | None, as_json: bool) -> None:
    """Show a rehearsal, the last one unless an id is given."""
    found = KeptRehearsals(cli.paths.rehearsals).load(named(cli, experiment), rehearsal_id)
    print_result(found, as_json, text_of(found))


@rehearsals.command()
@click.argument("rehearsal_id", required=False)
@_experiment
@click.option("--began-at", metavar="TIME", help="When the real run began (UTC). Default: when the rehearsal did.")
@json_option
@pass_cli_context
def compare(
    cli: CliContext, rehearsal_id: str | None, experiment: str | None, began_at: str | None, as_json: bool
) -> None:
    """Compare a rehearsal with what was recorded since it, or since the given time."""
    kept = KeptRehearsals(cli.paths.rehearsals).load(named(cli, experiment), rehearsal_id)
    rows = compared(kept, cli.database(), kept.started_at if began_at is None else began_at)
    print_result(rows, as_json, text_of_comparison(rows))


def named(cli: CliContext, experiment: str | None) -> str:
    """Return the experiment of this name, or that of this unit."""
    return experiment if experiment is not None else str(cli.runtime.identity.experiment())
