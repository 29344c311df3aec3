"""Commands of plugins: the ones they bring, and one for each job class without."""

from __future__ import annotations

from typing import Any

import click

from pioreactor.jobs.job import BackgroundJob
from pioreactor.plugin_management import get_plugins


def add_plugin_commands(group: click.Group) -> None:
    """Import all plugins and add their `pio run` commands; a plugin's command replaces ours of the same name."""
    for plugin in get_plugins().values():
        brought = [
            value
            for name, value in vars(plugin.module).items()
            if name.startswith("click_") and isinstance(value, click.Command)
        ]
        for command in brought:
            if command.name:
                group.add_command(command)
        for value in vars(plugin.module).values():
            if _is_job_without_command(value, plugin.module.__name__, group):
                group.add_command(command_for(value))


def _is_job_without_command(value: Any, module: str, group: click.Group) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, BackgroundJob)
        and value.__module__ == module
        and bool(value.job_name)
        and not getattr(value, "automation_name", "")
        and value.job_name not in group.commands
    )


def command_for(job: type[BackgroundJob]) -> click.Command:
    """Return a command that starts a job, with an option for each of its settings."""
    from pioreactor.cli.setting_options import setting_option

    def start(**values: Any) -> None:
        from pioreactor.runtime import context

        runtime = context.current()
        running = _construct(job, runtime.unit, str(runtime.identity.experiment()))
        with running:
            for name, value in values.items():
                if value is not None:
                    running.apply(name, value)
            running.block_until_disconnected()

    command: Any = start
    for name, setting in job.settings().items():
        if setting.settable:
            command = setting_option(job, name)(command)
    summary = (job.__doc__ or f"Run {job.job_name}.").strip()
    return click.command(name=job.job_name, help=summary)(command)


def _construct(job: type[BackgroundJob], unit: str, experiment: str) -> BackgroundJob:
    """Call the constructor with what it takes: classes of plugins may fix their plugin's name, or ask for it."""
    import inspect

    parameters = inspect.signature(job.__init__).parameters
    values: dict[str, Any] = {"unit": unit, "experiment": experiment}
    if "plugin_name" in parameters:
        values["plugin_name"] = job.__module__
    return job(**values)
