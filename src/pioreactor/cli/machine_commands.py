"""Commands of `pios` about the machines of the cluster: their configuration."""

from __future__ import annotations

from typing import Final, TypedDict

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option, units_options, yes_option
from pioreactor.cli.render import print_json
from pioreactor.cli.unit_selection import confirm, targets
from pioreactor.exc import PioreactorError
from pioreactor.http.fanout import UnitReport
from pioreactor.http.units import decoded

_SYNC_TIMEOUT_S: Final = 60.0


class ConfigsSynced(TypedDict):
    """What the leader answers: the report of each unit."""

    shared: dict[str, UnitReport]
    specific: dict[str, UnitReport]


@click.command(name="sync-configs")
@click.option("--shared", is_flag=True, help="Only the shared file: send it to the workers.")
@click.option("--specific", is_flag=True, help="Only the units' own files: read them into the leader's history.")
@click.option("--skip-save", is_flag=True, help="Read the units' own files without adding them to the history.")
@units_options
@yes_option
@json_option
@pass_cli_context
def sync_configs(
    cli: CliContext,
    shared: bool,
    specific: bool,
    skip_save: bool,
    units: tuple[str, ...],
    experiments: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Send the shared configuration to the units and read their own files into the history; both by default."""
    chosen = targets(cli, units, experiments)
    confirm(f"Synchronize the configuration of {', '.join(chosen)}?", yes)
    body = {
        "units": chosen,
        "shared": shared or not specific,
        "specific": specific or not shared,
        "skip_save": skip_save,
    }
    answer = cli.ask_leader("POST", "/api/config/sync", json=body, timeout_s=_SYNC_TIMEOUT_S)
    done = decoded(answer, ConfigsSynced)
    if as_json:
        print_json(done)
    failed = [
        line
        for what, reports in (("shared configuration", done["shared"]), ("own configuration", done["specific"]))
        for line in _print_reports(what, reports, silent=as_json)
    ]
    if failed:
        raise PioreactorError(
            f"not in step: {', '.join(dict.fromkeys(failed))}",
            remedy="The shared configuration is delivered when the unit answers again; see the page Configuration.",
        )


def _print_reports(what: str, reports: dict[str, UnitReport], *, silent: bool) -> list[str]:
    """Print the answer of each unit; return the units that failed."""
    failed = []
    for unit, one in reports.items():
        if one.get("ok"):
            line = f"{unit}: {what} in step."
        else:
            error = one.get("error")
            reason = error.get("message") if isinstance(error, dict) else error
            line = f"{unit}: {what} not in step: {reason}"
            failed.append(unit)
        if not silent:
            click.echo(line, err=not one.get("ok"))
    return failed


COMMANDS: Final = (sync_configs,)
