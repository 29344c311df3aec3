"""`pio broker`: brokers of benches, bridged to the leader's."""

from __future__ import annotations

from pathlib import Path

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_list, print_result


@click.group(name="broker", cls=SuggestingGroup)
def broker() -> None:
    """Give benches of up to 50 units brokers of their own, bridged to the leader's."""


@broker.command(name="bridge")
@click.argument("bench")
@click.option("--units", required=True, metavar="NAME,…", help="Workers of the bench, which have joined the cluster.")
@click.option(
    "--folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="New folder for the broker's files; copy it to the bench's machine at the same path.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=1883, show_default=True, help="Of the bench's broker.")
@json_option
@pass_cli_context
def bridge(cli: CliContext, bench: str, units: str, folder: Path, port: int, as_json: bool) -> None:
    """Give a bench an account at the leader's broker, and write the configuration of the bench's own."""
    import msgspec

    from pioreactor.cluster.broker_bridges import BridgePlan, add_bridge
    from pioreactor.cluster.leader_setup import broker_files

    settings = cli.runtime.settings
    plan = BridgePlan(
        bench,
        [name.strip() for name in units.split(",") if name.strip()],
        leader=cli.runtime.identity.leader_hostname,
        address=settings.broker_host,
        port=settings.mqtt.broker_port,
        units_port=port,
    )
    made = add_bridge(broker_files(cli.paths), plan, folder := folder.absolute())
    print_result(
        {**msgspec.to_builtins(made), "folder": str(folder)},
        as_json,
        f"{folder} is the broker of {bench} for {', '.join(made.units)}. It holds a password: move it, and\n"
        f"start it on the bench's machine: mosquitto -c {folder}/mosquitto.conf\n"
        "Then set [mqtt] broker_address in the units' own configuration to that machine, and restart them.",
    )


@broker.command(name="list")
@json_option
@pass_cli_context
def list_(cli: CliContext, as_json: bool) -> None:
    """List the benches and their units."""
    from pioreactor.cluster.broker_bridges import bridges
    from pioreactor.cluster.leader_setup import broker_files

    print_list(
        bridges(broker_files(cli.paths)),
        lambda one: {"bench": one.bench, "units": ", ".join(one.units), "account": one.account},
        as_json=as_json,
        none="No benches with brokers of their own.",
    )


@broker.command(name="remove")
@click.argument("bench")
@yes_option
@pass_cli_context
def remove(cli: CliContext, bench: str, yes: bool) -> None:
    """Remove the account of a bench; the leader's broker takes nothing from it any more."""
    from pioreactor.cluster.broker_bridges import remove_bridge
    from pioreactor.cluster.leader_setup import broker_files

    if not yes:
        click.confirm(f"Cut the bridge of {bench}? Its units keep their records until it has another.", abort=True)
    remove_bridge(broker_files(cli.paths), bench)
    click.echo(f"{bench} has no account any more.")
