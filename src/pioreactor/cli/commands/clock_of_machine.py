"""`pio clock`: the clock of this machine."""

from __future__ import annotations

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_result
from pioreactor.structs.encoding import to_timestamp


@click.group(cls=SuggestingGroup)
def clock() -> None:
    """Show and set the clock of this machine."""


@clock.command()
@json_option
@pass_cli_context
def show(cli: CliContext, as_json: bool) -> None:
    """Print the time, and whether it follows a time server."""
    from pioreactor.cluster import chrony

    runtime = cli.runtime
    now, synchronized = to_timestamp(runtime.clock.now()), runtime.computer.is_clock_synchronized()
    is_own = runtime.computer.belongs_to_reactor
    found = chrony.problem() if is_own and synchronized is not True else None
    problem = ": ".join(found) if found is not None else None
    words = {True: "follows a time server", False: "follows no time server", None: "whether it is right is unknown"}
    facts = {"clock_time": now, "synchronized": synchronized, "problem": problem}
    print_result(facts, as_json, f"{now}, {words[synchronized]}")
    if problem is not None:
        click.echo(problem, err=True)


@clock.command(name="set")
@click.argument("moment", metavar="[TIME]", required=False)
@yes_option
@pass_cli_context
def set_(cli: CliContext, moment: str | None, yes: bool) -> None:
    """Set the clock of the leader to TIME (ISO, UTC); a worker follows its leader at once, without TIME."""
    from pioreactor.exc import ConflictError, InvalidRequestError
    from pioreactor.identity.system_clock import parse_moment, set_clock, synchronize

    runtime = cli.runtime
    if not runtime.computer.belongs_to_reactor:
        raise ConflictError("this unit is simulated, and the computer is not its own: its clock is left alone")
    if moment is None and runtime.identity.is_leader:
        raise InvalidRequestError("TIME is missing", remedy="Give it as 2026-11-29T10:00:00Z.")
    if moment is not None and not runtime.identity.is_leader:
        raise ConflictError(
            f"the clock of {runtime.unit} is that of its leader, {runtime.identity.leader_hostname}",
            remedy="Set the clock there, or follow it at once: pio clock set",
        )
    if not yes:
        click.confirm("Set the clock? Readings that are recorded meanwhile get a step in their times", abort=True)
    if moment is None:
        synchronize()
    else:
        set_clock(parse_moment(moment))
    click.echo(f"It is {to_timestamp(runtime.clock.now())}.")
