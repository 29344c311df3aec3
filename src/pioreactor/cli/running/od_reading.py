"""`pio run od_reading`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import click

from pioreactor.background_jobs.od_reading.job import ODReader, start_od_reading
from pioreactor.cli.setting_options import setting_options
from pioreactor.runtime import context


@click.command(name="od_reading")
@setting_options(ODReader, "interval", "ir_led_intensity")
@click.option(
    "--fake-data", is_flag=True, help="Read a simulated culture that begins now: no hardware is used. It is recorded."
)
@click.option("--snapshot", is_flag=True, help="Take one reading, print it as JSON, and end.")
def od_reading(interval: float | None, ir_led_intensity: float | None, fake_data: bool, snapshot: bool) -> None:
    """Read optical density each INTERVAL seconds with the photodiodes that are configured."""
    given: dict[str, Any] = {} if interval is None else {"interval": interval}
    with ExitStack() as stack:
        if fake_data:
            from pioreactor.bootstrap.in_process_sim import (
                with_in_process_reactor,  # only who asks for it pays for the twin
            )

            stack.enter_context(context.using(with_in_process_reactor(context.current())))
        if snapshot:
            given = {"interval": None}
        reader = stack.enter_context(start_od_reading(ir_led_intensity=ir_led_intensity, **given))
        if fake_data:
            reader.logger.warning("These readings are of a simulated culture (--fake-data).")
        if snapshot:
            click.echo(str(reader.record()))
            return
        reader.block_until_disconnected()
