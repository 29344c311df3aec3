"""`pio access-point`: the Wi-Fi network that this leader opens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_result

if TYPE_CHECKING:
    from pioreactor.identity.access_point import AccessPoint, WifiAccessPoint


@click.group(name="access-point", cls=SuggestingGroup)
def access_point() -> None:
    """Open and close a Wi-Fi network of this leader."""


@access_point.command()
@json_option
@pass_cli_context
def status(cli: CliContext, as_json: bool) -> None:
    """Show whether the network is open, its name and address, and who is in it."""
    _show(_port(cli).state(), as_json)


@access_point.command()
@click.option("--at-boot", is_flag=True, help="Ask nothing, and do nothing where a network is open already.")
@yes_option
@json_option
@pass_cli_context
def start(cli: CliContext, at_boot: bool, yes: bool, as_json: bool) -> None:
    """Open the network of [local_access_point]; the Wi-Fi adapter leaves the network that it is in."""
    _refuse_simulated(cli)
    port = _port(cli)
    before = port.state()
    if at_boot and before.active:
        return
    _confirm(before, is_meant=yes or at_boot)
    port.start(cli.settings.local_access_point, even_if_disconnected=True)
    _show(port.state(), as_json)


@access_point.command()
@yes_option
@json_option
@pass_cli_context
def stop(cli: CliContext, yes: bool, as_json: bool) -> None:
    """Close the network; NetworkManager joins a Wi-Fi network that it knows, if there is one."""
    _refuse_simulated(cli)
    port = _port(cli)
    _confirm(port.state(), is_meant=yes)
    port.stop(even_if_disconnected=True)
    _show(port.state(), as_json)


def _port(cli: CliContext) -> WifiAccessPoint:
    from pioreactor.identity.access_point import WifiAccessPoint

    return WifiAccessPoint(cli.paths.run_pioreactor)


def _refuse_simulated(cli: CliContext) -> None:
    from pioreactor.exc import ConflictError

    if not cli.runtime.computer.belongs_to_reactor:
        raise ConflictError("this leader is simulated, and the computer is not its own: its network is left alone")


def _confirm(found: AccessPoint, *, is_meant: bool) -> None:
    """Ask before a connection ends, which may be the one by which this command was typed."""
    if found.consequence is not None and not is_meant:
        click.confirm(f"{found.consequence[:1].upper()}{found.consequence[1:]}. Continue?", abort=True, err=True)


def _show(found: AccessPoint, as_json: bool) -> None:
    print_result(found, as_json, *_lines(found))


def _lines(found: AccessPoint) -> Iterator[str]:
    if found.active:
        yield f"{found.ssid} is open on {found.device}; this leader is {found.address} in it."
        yield f"Seen lately: {', '.join(found.clients)}" if found.clients else "No device was seen in it lately."
    else:
        yield "No access point is open." if found.problem is None else f"No access point: {found.problem}"
    if found.opens_at_boot:
        yield "It is opened at each start: local_access_point is on the boot partition."
