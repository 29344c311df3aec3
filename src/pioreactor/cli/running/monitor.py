"""`pio run monitor`."""

from __future__ import annotations

import click

from pioreactor.runtime import context


@click.command(name="monitor")
def monitor() -> None:
    """Watch this unit, and bring its records to the leader. Runs from boot."""
    from pioreactor.background_jobs.monitor.job import Monitor

    with Monitor(context.current().unit) as job:
        job.block_until_disconnected()
