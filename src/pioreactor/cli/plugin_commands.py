"""Commands of plugins: the ones they define, and one for each job class without a command."""

from __future__ import annotations

import click

from pioreactor.cli.run_commands import command_for as command_for
from pioreactor.jobs.job import BackgroundJob
from pioreactor.plugin_management import get_plugins


def add_plugin_commands(group: click.Group) -> None:
    """Import all plugins and add their `pio run` commands; a plugin's command replaces ours of the same name."""
    for plugin in get_plugins().values():
        defined = [
            value
            for name, value in vars(plugin.module).items()
            if name.startswith("click_") and isinstance(value, click.Command)
        ]
        for command in defined:
            if command.name:
                group.add_command(command)
        for value in vars(plugin.module).values():
            if (
                isinstance(value, type)
                and issubclass(value, BackgroundJob)
                and value.__module__ == plugin.module.__name__
                and value.job_name
                and not getattr(value, "automation_name", "")
                and value.job_name not in group.commands
            ):
                group.add_command(command_for(value))
