"""`pio blink`: makes this unit's LED blink."""

from __future__ import annotations

import click

from pioreactor import topics
from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.exc import BrokerUnreachableError, JobRequiredError

_PATIENCE_S = 3.0


@click.command()
@pass_cli_context
def blink(cli: CliContext) -> None:
    """Blink the LED of this unit, to identify it. Requires the job `monitor`."""
    runtime = cli.runtime
    if not runtime.stores.jobs().running(job_name="monitor"):
        raise JobRequiredError("monitor is not running", remedy="Start it: pio run monitor")
    bus = runtime.buses.connect("pio-blink")
    try:
        bus.publish(topics.monitor(runtime.unit, "flicker_led_response_okay"), "1", qos=1)
        if not bus.flush(_PATIENCE_S):
            raise BrokerUnreachableError("the broker does not answer", remedy="Check it with: pio status")
    finally:
        bus.close()
    click.echo(f"{runtime.unit} is blinking.")
