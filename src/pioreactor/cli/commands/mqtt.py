"""`pio mqtt`: shows MQTT messages as they arrive."""

from __future__ import annotations

import queue

import click

from pioreactor import topics
from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option
from pioreactor.exc import BrokerUnreachableError
from pioreactor.messaging.ports import Message
from pioreactor.structs.encoding import to_timestamp

_PATIENCE_S = 10.0


@click.command()
@click.option(
    "-t", "--topic", default=topics.everything(), show_default=True, help="Topic filter; + is any level, # the rest."
)
@click.option("-n", "count", type=click.IntRange(1), help="Exit after this many messages.")
@click.option("--no-retained", is_flag=True, help="Skip retained messages.")
@json_option
@pass_cli_context
def mqtt(cli: CliContext, topic: str, count: int | None, no_retained: bool, as_json: bool) -> None:
    """Show MQTT messages as they arrive. Each has its time (UTC); (kept) marks retained messages.

    Exit with Ctrl-C, or after -n messages.
    """
    runtime = cli.runtime
    received: queue.SimpleQueue[Message] = queue.SimpleQueue()
    arrived = runtime.clock.signal()

    def on_message(message: Message) -> None:
        if not (no_retained and message.retain):
            received.put(message)
            arrived.set()

    bus = runtime.buses.connect("pio-mqtt")
    printed = 0
    try:
        bus.subscribe(topic, on_message)
        if not bus.flush(_PATIENCE_S) and not bus.is_connected():
            raise BrokerUnreachableError(
                f"the broker at {cli.settings.broker_host} does not answer", remedy="Check it with: pio status"
            )
        while count is None or printed < count:
            arrived.wait(1.0)
            arrived.clear()
            while not received.empty() and (count is None or printed < count):
                click.echo(_line(received.get(), to_timestamp(runtime.clock.now()), as_json=as_json))
                printed += 1
    finally:
        bus.close()


def _line(message: Message, at: str, *, as_json: bool) -> str:
    text = message.payload.decode("utf-8", "replace")
    if as_json:
        import msgspec

        fields = {"timestamp": at, "topic": message.topic, "payload": text, "retain": message.retain}
        return msgspec.json.encode(fields).decode()
    kept = " (kept)" if message.retain else ""
    return f"{at} {message.topic}{kept} {text}"
