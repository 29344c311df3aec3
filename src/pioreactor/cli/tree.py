"""The commands of `pio`, as a table: help is printed without importing any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import click

from pioreactor.cli.cli_context import cli_context_of
from pioreactor.cli.lazy_group import Entry, LazyGroup
from pioreactor.version import __version__

_HERE = "pioreactor.cli.commands"

ENTRIES: Final[Mapping[str, Entry]] = {
    "run": Entry("pioreactor.cli.run", "run", "Start a job or an action."),
    "simulate": Entry("pioreactor.cli.simulate", "simulate", "Run jobs on simulated reactors in virtual time."),
    "rehearse": Entry(
        "pioreactor.rehearsal.rehearse_command",
        "rehearse_command",
        "Rehearse PROFILE on simulated units in virtual time.",
        True,
    ),
    "rehearsals": Entry(
        "pioreactor.rehearsal.rehearsals_command",
        "rehearsals",
        "Look at rehearsals that are kept, beside what really happened.",
        True,
    ),
    "campaigns": Entry(
        "pioreactor.rehearsal.campaigns_command",
        "campaigns",
        "Find the best setting of several factors by arms on units.",
        True,
    ),
    "demo": Entry(
        "pioreactor.cli.demo",
        "demo",
        "Run broker, leader and workers with simulated reactors, and an experiment on them.",
    ),
    "web": Entry(
        "pioreactor.web.web_command",
        "web",
        "Serve /unit_api; on the leader also /api, the UI, /docs and MQTT.",
    ),
    "kill": Entry(f"{_HERE}.kill", "kill", "Stop jobs of this unit and wait until they have ended."),
    "jobs": Entry(f"{_HERE}.jobs", "jobs", "List and inspect jobs of this unit, change their settings."),
    "logs": Entry(f"{_HERE}.logs", "logs", "Show the last log lines of this unit."),
    "log": Entry(f"{_HERE}.logs", "log", "Log a message."),
    "status": Entry(f"{_HERE}.status", "status", "Check this unit and report problems."),
    "resume": Entry(f"{_HERE}.resume", "resume", "Resume jobs interrupted by a power failure."),
    "calibrations": Entry(
        f"{_HERE}.calibrations", "calibrations", "Make, look at, choose and delete the calibrations of this unit."
    ),
    "estimators": Entry(f"{_HERE}.estimators", "estimators", "Look at, choose and delete the estimators of this unit."),
    "config": Entry(f"{_HERE}.config", "config", "Show and change the configuration."),
    "cache": Entry(f"{_HERE}.cache", "cache", "Inspect the unit's key-value caches."),
    "model": Entry(f"{_HERE}.model_of_unit", "model", "Print or set the reactor model of this unit."),
    "blink": Entry(f"{_HERE}.blink", "blink", "Blink the LED of this unit, to identify it."),
    "mqtt": Entry(f"{_HERE}.mqtt", "mqtt", "Show MQTT messages as they arrive."),
    "estimate": Entry(f"{_HERE}.estimate", "estimate", "Re-run an estimator on recorded data."),
    "clock": Entry(f"{_HERE}.clock_of_machine", "clock", "Show and set the clock of this machine."),
    "repair": Entry(f"{_HERE}.unit_replacement", "repair", "Create missing directories and repair permissions."),
    "cluster": Entry(f"{_HERE}.cluster", "cluster", "Make a cluster, join this unit to one, or leave it."),
    "plugins": Entry(f"{_HERE}.manage_plugins", "plugins", "Install, update, list and remove plugins."),
    "usb": Entry(f"{_HERE}.usb_commands", "usb", "List, mount, search and eject USB drives."),
    "unit": Entry(
        f"{_HERE}.unit_replacement", "unit", "Save this unit as one archive, and set its replacement up from it."
    ),
    "update": Entry(f"{_HERE}.update", "update", "Update the software of this unit, and its firmware."),
    "version": Entry(f"{_HERE}.version", "version", "Print the version of the software."),
    "experiments": Entry(
        f"{_HERE}.experiments", "experiments", "Create, list, rename, end and delete experiments.", True
    ),
    "workers": Entry(
        f"{_HERE}.workers", "workers", "List workers, assign them to experiments, activate and deactivate them.", True
    ),
    "people": Entry(
        f"{_HERE}.people",
        "people",
        "List, add and remove the people who may sign in; change rights and passwords.",
        True,
    ),
    "oidc": Entry(f"{_HERE}.oidc_issuer", "oidc", "Check the OpenID Connect issuer that people sign in by.", True),
    "audit": Entry(f"{_HERE}.audit", "audit", "List, verify and export the audit trail: who changed what.", True),
    "proposals": Entry(f"{_HERE}.proposals", "proposals", "List, approve and reject what agents propose.", True),
    "tokens": Entry(
        f"{_HERE}.tokens", "tokens", "Create, list and revoke the tokens with which programs use the API.", True
    ),
    "alarms": Entry(
        f"{_HERE}.alarms", "alarms", "List, acknowledge and shelve alarms; change rules, and where messages go.", True
    ),
    "home-assistant": Entry(
        f"{_HERE}.home_assistant", "home_assistant", "Show the units in Home Assistant, over the leader's broker.", True
    ),
    "broker": Entry(
        f"{_HERE}.broker_bridges",
        "broker",
        "Give benches of up to 50 units brokers of their own, bridged to the leader's.",
        True,
    ),
    "import-reference": Entry(
        f"{_HERE}.import_reference",
        "import_reference",
        "Take over the data of a leader of the existing software.",
        True,
    ),
    "import-experiment": Entry(
        f"{_HERE}.import_reference", "import_experiment", "Take an experiment over from another cluster.", True
    ),
    "export": Entry(
        "pioreactor.cli.running.export_experiment_data",
        "export",
        "Export recorded data of EXPERIMENT to a zip archive.",
        True,
    ),
    "access-point": Entry(
        f"{_HERE}.wifi_access_point", "access_point", "Open and close a Wi-Fi network of this leader.", True
    ),
    "backups": Entry(f"{_HERE}.backups", "backups", "Make, list, verify and restore backups of the database.", True),
    "database": Entry(
        f"{_HERE}.move_of_database",
        "database",
        "Show where the database is, verify, repair and move it.",
        True,
    ),
    "db": Entry(f"{_HERE}.db", "db", "Open the leader's database in an SQLite shell.", True),
}


class _Pio(LazyGroup):
    entries: ClassVar[Mapping[str, Entry]] = ENTRIES


@click.group(
    name="pio",
    cls=_Pio,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 success, 1 error, 2 usage error, 130 interrupted.",
)
@click.version_option(__version__, message="%(version)s")
@click.pass_context
def pio(ctx: click.Context) -> None:
    """Control this unit of a Pioreactor cluster."""
    cli_context_of(ctx).refuse_wrong_user()
