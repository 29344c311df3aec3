"""`pio run camera_snapshot`."""

from __future__ import annotations

import click

from pioreactor.runtime import context


@click.command(name="camera_snapshot")
@click.option("--name", default=None, help="Name of the still, without .jpg. Default: the time.")
@click.option(
    "--config",
    "options_file",
    default=None,
    metavar="FILE",
    help="File in the folder camera of the unit's data with options of rpicam-still, instead of viewing.conf.",
)
@click.option(
    "--lens-position", type=float, default=None, metavar="NUMBER", help="Move the lens there first, and leave it there."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def camera_snapshot(name: str | None, options_file: str | None, lens_position: float | None, as_json: bool) -> None:
    """Take a still of the vial, between OD readings, and keep it until a person deletes it."""
    from pioreactor.actions.still_capture import move_lens
    from pioreactor.cli.render import print_result
    from pioreactor.procedures.manual_still import take_snapshot

    if lens_position is not None:
        move_lens(context.current(), lens_position)
    still, path = take_snapshot(context.current(), name=name, options_file=options_file)
    print_result(still, as_json, str(path))
