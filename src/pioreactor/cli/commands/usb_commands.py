"""`pio usb`: USB drives of this unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_result, print_rows, print_table

if TYPE_CHECKING:
    from pioreactor.identity.usb_drives import UsbDrive, UsbDrives

device_option = click.option("--device", help="Such as /dev/sda1; needed where several drives are plugged in.")
mount_option = click.option("--mount", is_flag=True, help="Mount the drive first.")


@click.group(cls=SuggestingGroup)
def usb() -> None:
    """List, mount, search and eject USB drives."""


@usb.command(name="list")
@json_option
@pass_cli_context
def list_(cli: CliContext, as_json: bool) -> None:
    """List the USB drives that are plugged in."""

    state = _drives(cli).state()
    rows: list[dict[str, object]] = [
        {
            "device": drive.device,
            "label": drive.label,
            "file system": drive.filesystem,
            "size": f"{drive.size_bytes / 1e9:.1f} GB",
            "path": drive.path if drive.path is not None else "not mounted",
        }
        for drive in state.drives
    ]
    columns = ["device", "label", "file system", "size", "path"]
    print_result(state, as_json, lambda: print_table(rows, columns, none="No USB drive."))
    if state.message:
        click.echo(state.message, err=True)


@usb.command()
@device_option
@json_option
@pass_cli_context
def mount(cli: CliContext, device: str | None, as_json: bool) -> None:
    """Mount a USB drive."""
    _show(_drives(cli).mount(device), as_json)


@usb.command()
@mount_option
@json_option
@pass_cli_context
def scan(cli: CliContext, mount: bool, as_json: bool) -> None:
    """List plugins and releases on the USB drives."""
    import msgspec

    drives = _drives(cli)
    if mount:
        drives.mount()
    found: list[dict[str, object]] = [msgspec.to_builtins(each) for each in drives.artifacts()]
    print_rows(found, ["filepath", "kind", "size_bytes", "device"], as_json=as_json)


@usb.command()
@mount_option
@pass_cli_context
def path(cli: CliContext, mount: bool) -> None:
    """Print where the USB drive is mounted."""
    from pioreactor.exc import NotFoundError

    drives = _drives(cli)
    mounted = [drives.mount()] if mount else [drive for drive in drives.drives() if drive.path is not None]
    if not mounted:
        raise NotFoundError("no USB drive is mounted", remedy="Mount it: pio usb path --mount")
    for drive in mounted:
        click.echo(drive.path)


@usb.command()
@device_option
@pass_cli_context
def eject(cli: CliContext, device: str | None) -> None:
    """Unmount a USB drive, which can then be removed."""
    click.echo(f"{_drives(cli).eject(device).device} can be removed.")


def _drives(cli: CliContext) -> UsbDrives:
    from pioreactor.identity.usb_drives import UsbDrives

    return UsbDrives(cli.paths.usb)


def _show(drive: UsbDrive, as_json: bool) -> None:

    print_result(drive, as_json, str(drive.path))
