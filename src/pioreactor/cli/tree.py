"""The commands of `pio`, as a table: help is printed without importing any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from pioreactor.cli.cli_context import cli_context_of
from pioreactor.cli.lazy_group import Entry, LazyGroup
from pioreactor.version import __version__

_HERE = "pioreactor.cli.commands"

ENTRIES: Final[Mapping[str, Entry]] = {
    "run": Entry("pioreactor.cli.run", "run", "Start a job or an action."),
    "simulate": Entry(
        "pioreactor.cli.simulate", "simulate", "Run jobs on simulated reactors as fast as they can be computed."
    ),
    "demo": Entry(
        "pioreactor.cli.demo",
        "demo",
        "Run broker, leader and workers with simulated reactors, and an experiment on them.",
    ),
    "web": Entry(
        "pioreactor.web.web_command", "web", "Serve /unit_api; on the leader also /api, the UI, /docs and MQTT."
    ),
    "kill": Entry(f"{_HERE}.kill", "kill", "Stop jobs of this unit and wait until they have ended."),
    "jobs": Entry(f"{_HERE}.jobs", "jobs", "List jobs of this unit, look into them, change their settings."),
    "logs": Entry(f"{_HERE}.logs", "logs", "Show the last log lines of this unit."),
    "log": Entry(f"{_HERE}.logs", "log", "Write a log line."),
    "status": Entry(f"{_HERE}.status", "status", "Check this unit and say what is wrong."),
    "resume": Entry(f"{_HERE}.resume", "resume", "Bring back jobs that ran when the power failed."),
    "calibrations": Entry(
        f"{_HERE}.calibrations", "calibrations", "Make, look at, choose and delete the calibrations of this unit."
    ),
    "estimators": Entry(f"{_HERE}.estimators", "estimators", "Look at, choose and delete the estimators of this unit."),
    "config": Entry(f"{_HERE}.config", "config", "Show and change the configuration."),
    "cache": Entry(f"{_HERE}.cache", "cache", "Look into the unit's key-value stores."),
    "blink": Entry(f"{_HERE}.blink", "blink", "Blink the LED of this unit, to find it on the bench."),
    "mqtt": Entry(f"{_HERE}.mqtt", "mqtt", "Show messages as they pass the broker."),
    "estimate": Entry(f"{_HERE}.estimate", "estimate", "Estimate over a recording what units estimate while they run."),
    "repair": Entry(f"{_HERE}.repair", "repair", "Make missing directories and put permissions right."),
    "version": Entry(f"{_HERE}.version", "version", "Print the version of the software."),
    "experiments": Entry(f"{_HERE}.experiments", "experiments", "Create, list and delete experiments.", True),
    "workers": Entry(
        f"{_HERE}.workers", "workers", "List workers, assign them to experiments, switch them on and off.", True
    ),
    "backups": Entry(f"{_HERE}.backups", "backups", "Look at backups of the leader's database, and restore one.", True),
    "db": Entry(f"{_HERE}.db", "db", "Open the leader's database in an SQLite shell.", True),
}


@click.group(
    name="pio",
    cls=LazyGroup,
    entries=ENTRIES,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Errors end with status 1, a line that makes no sense with 2, Ctrl-C with 130.",
)
@click.version_option(__version__, message="%(version)s")
@click.pass_context
def pio(ctx: click.Context) -> None:
    """Control this unit of a Pioreactor cluster."""
    cli_context_of(ctx).refuse_wrong_user()
