"""`pio logs` shows this unit's log file, `pio log` adds a line to it."""

from __future__ import annotations

import os
import sys
from collections import deque
from pathlib import Path
from typing import IO

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.exc import BrokerUnreachableError, NotFoundError, PioreactorError
from pioreactor.observability.log import create_logger, level_names, level_number
from pioreactor.types import UNIVERSAL_EXPERIMENT

_LOOK_EVERY_S = 0.5
_FLUSH_S = 2.0


@click.command()
@click.option("-n", "count", type=click.IntRange(0, 1_000_000), default=100, show_default=True, help="Number of lines.")
@click.option("-f", "--follow", is_flag=True, help="Follow: print new lines until Ctrl-C.")
@pass_cli_context
def logs(cli: CliContext, count: int, follow: bool) -> None:
    """Show the last log lines of this unit."""
    path = log_file_of(cli)
    if path is None or not path.exists():
        raise NotFoundError(f"there is no log file {path}", remedy="Jobs create it when they start.")
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in deque(file, maxlen=count):
            click.echo(line, nl=False)
        if follow:
            _follow(path, file, cli)


@click.command()
@click.option("-m", "--message", required=True, help="The message.")
@click.option(
    "-l",
    "--level",
    type=click.Choice([name.lower() for name in level_names()], case_sensitive=False),
    default="debug",
    show_default=True,
    help="Severity.",
)
@click.option("-n", "--name", default="manual", show_default=True, help="Name of the logger.")
@click.option("--local-only", is_flag=True, help="Do not send it to the leader.")
@pass_cli_context
def log(cli: CliContext, message: str, level: str, name: str, local_only: bool) -> None:
    """Log a message to this unit's log file and, unless --local-only, to the leader."""
    from pioreactor.runtime.journaling_publisher import JournalingPublisher
    from pioreactor.structs import encode

    runtime = cli.runtime
    bus = None if local_only else runtime.buses.connect("pio-log")
    publisher = JournalingPublisher(bus, runtime.stores.journal(), runtime.clock) if bus is not None else None
    logger = create_logger(
        name,
        unit=runtime.unit,
        experiment=_experiment(cli),
        source="user",
        sink=None if publisher is None else lambda topic, record: publisher.publish(topic, encode(record), qos=1),
        log_file=log_file_of(cli),
        console=sys.stderr,
        now=runtime.clock.now,
        secrets=cli.settings.secrets(),
    )
    try:
        logger.log(level_number(level), "%s", message)
        if publisher is not None and bus is not None:
            publisher.flush()
            if not bus.flush(_FLUSH_S):
                raise BrokerUnreachableError(
                    "the broker does not respond", remedy="The message is kept; a running job sends it later."
                )
    finally:
        logger.clean_up()
        if bus is not None:
            bus.close()


def log_file_of(cli: CliContext) -> Path | None:
    """Return the unit's log file: the configured one, else the machine's."""
    configured = cli.settings.logging.log_file
    return Path(configured) if configured else cli.paths.log_file


def _experiment(cli: CliContext) -> str:
    try:
        return cli.runtime.identity.experiment()
    except PioreactorError:
        return UNIVERSAL_EXPERIMENT


def _follow(path: Path, file: IO[str], cli: CliContext) -> None:
    """Print lines as they are added; a file that was rotated is read on from its successor's start."""
    clock = cli.runtime.clock
    while True:
        for line in file:
            click.echo(line, nl=False)
        clock.sleep(_LOOK_EVERY_S)
        if path.exists() and path.stat().st_ino != os.fstat(file.fileno()).st_ino:
            with path.open(encoding="utf-8", errors="replace") as successor:
                _follow(path, successor, cli)
