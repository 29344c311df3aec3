"""`pio model`: the reactor model of this unit."""

from __future__ import annotations

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.render import print_json
from pioreactor.exc import ConflictError, PioreactorError, UnitUnreachableError
from pioreactor.identity import unit_model

_REPORT_TIMEOUT_S = 5.0


@click.group(cls=SuggestingGroup)
def model() -> None:
    """Print or set the reactor model of this unit."""


@model.command()
@pass_cli_context
def get(cli: CliContext) -> None:
    """Print the model of this unit as JSON; nulls when none was chosen."""
    try:
        chosen = cli.runtime.identity.model()
    except UnitUnreachableError:
        chosen = None
    _print(chosen)


@model.command(name="set")
@click.argument("name")
@click.argument("version")
@pass_cli_context
def set_(cli: CliContext, name: str, version: str) -> None:
    """Set the model of this unit; refused while activities run. The leader is told if it answers."""
    runtime = cli.runtime
    unit_model.change_model(runtime.stores, runtime.paths.models, name, version)
    _print((name, version))
    body = {"model_name": name, "model_version": version}
    try:
        cli.ask_leader("PUT", f"/api/workers/{runtime.unit}/reported_model", json=body, timeout_s=_REPORT_TIMEOUT_S)
    except PioreactorError as error:
        click.echo(f"The leader still lists the former model: {error}. Repeat the command to report it.", err=True)


@model.command(hidden=True)
@pass_cli_context
def adopt(cli: CliContext) -> None:
    """Keep the model that the leader lists, if this unit keeps none."""
    runtime = cli.runtime
    if unit_model.stored_model(runtime.stores) is None:
        listed = runtime.identity.model()
        if listed is None:
            raise ConflictError("the leader lists no model for this unit", remedy="Run: pio model set NAME VERSION")
        unit_model.store_model(runtime.stores, *listed)
    _print(unit_model.stored_model(runtime.stores))


def _print(chosen: tuple[str, str] | None) -> None:
    name, version = chosen if chosen is not None else (None, None)
    print_json({"model_name": name, "model_version": version})
