"""`pio run od_reading`."""

from __future__ import annotations

from typing import Any

import click

from pioreactor.background_jobs.od_reading.job import ODReader, start_od_reading
from pioreactor.cli.job_options import setting_options


@click.command(name="od_reading")
@setting_options(ODReader, "interval", "ir_led_intensity")
@click.option("--snapshot", is_flag=True, help="Take one reading, print it as JSON, and end.")
def od_reading(interval: float | None, ir_led_intensity: float | None, snapshot: bool) -> None:
    """Read optical density each INTERVAL seconds with the photodiodes that are configured."""
    given: dict[str, Any] = {} if interval is None else {"interval": interval}
    if snapshot:
        with start_od_reading(interval=None, ir_led_intensity=ir_led_intensity) as reader:
            click.echo(str(reader.record()))
        return
    with start_od_reading(ir_led_intensity=ir_led_intensity, **given) as reader:
        reader.block_until_disconnected()
