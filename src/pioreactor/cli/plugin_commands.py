"""Commands of plugins: the ones they define, and one for each job class without a command."""

from __future__ import annotations

from types import ModuleType

import click

from pioreactor.cli.run_commands import command_for as command_for
from pioreactor.plugin_management import get_plugins, jobs_of


def add_plugin_commands(group: click.Group) -> None:
    """Import all plugins and add their `pio run` commands; a plugin's command replaces ours of the same name."""
    for plugin in list(get_plugins().values()):
        for command in _defined(plugin.module):
            group.add_command(command)
        for job in jobs_of(plugin):
            if job.job_name not in group.commands:
                group.add_command(command_for(job))


def _defined(module: ModuleType) -> list[click.Command]:
    values = [value for name, value in vars(module).items() if name.startswith("click_")]
    return [value for value in values if isinstance(value, click.Command) and value.name]
