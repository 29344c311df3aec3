"""Commands of plugins: the ones they define, and one for each job class without a command."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

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
        for job in _jobs_of(plugin.module):
            if job.job_name not in group.commands:
                group.add_command(command_for(job))


def _jobs_of(module: ModuleType) -> Iterator[type[BackgroundJob]]:
    """Yield the jobs that a module defines itself; automations are run by their host job."""
    for value in vars(module).values():
        is_job = isinstance(value, type) and issubclass(value, BackgroundJob) and value.__module__ == module.__name__
        if is_job and value.job_name and not getattr(value, "automation_name", ""):
            yield value
