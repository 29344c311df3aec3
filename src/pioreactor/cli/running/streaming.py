"""`pio run mqtt_to_db_streaming`."""

from __future__ import annotations

import click

from pioreactor.runtime import context


@click.command(name="mqtt_to_db_streaming")
def mqtt_to_db_streaming() -> None:
    """Write what units record into the leader's database. Runs on the leader, from boot."""
    from pioreactor.background_jobs.leader.mqtt_to_db_streaming import MqttToDBStreamer

    with MqttToDBStreamer(context.current().unit) as job:
        job.block_until_disconnected()
