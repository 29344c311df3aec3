"""Commands of `pio run`, built from what the classes of jobs declare: those of plugins, and our own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, cast

import click

from pioreactor.cli.setting_options import setting_option, start_option
from pioreactor.jobs.start_option import FAKE_DATA

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pioreactor.automations.base import AutomationJob
    from pioreactor.job_catalog import JobSpec
    from pioreactor.jobs.job import BackgroundJob


def command_of(spec: JobSpec) -> click.Command:
    """Return the command of a built-in job; its module is imported."""
    job: type[BackgroundJob] = spec.load()
    kind = getattr(job, "kind", "")
    if kind:
        from pioreactor.cli.automation_commands import automation_command

        return automation_command(cast("type[AutomationJob]", job))
    return command_for(job)


def command_for(job: type[BackgroundJob]) -> click.Command:
    """Return a command that runs a job, with an option for each setting and each start option of its class."""

    def start(**options: object) -> None:
        with _reactor_for(options):
            output = job.run_from_options(**options)
        if output is not None:
            click.echo(output)

    params: list[click.Parameter] = [setting_option(setting) for setting in job.settings().values() if setting.cli]
    params += [start_option(option) for option in job.start_options]
    help_text = job.description() or f"Run {job.job_name}."
    if not job.experiment_caches:
        return click.Command(job.job_name, callback=start, params=params, help=help_text)
    return _group_with_clear_cache(job, click.Command(job.job_name, callback=start, params=params, help=help_text))


def _reactor_for(options: Mapping[str, object]) -> AbstractContextManager[object]:
    """Return a context with a simulated reactor if the options ask for fake data, or with the unit's own."""
    if not options.get(FAKE_DATA.name):
        return nullcontext()
    from pioreactor.bootstrap.in_process_sim import with_in_process_reactor
    from pioreactor.runtime import context

    return context.using(with_in_process_reactor(context.current()))


def _group_with_clear_cache(job: type[BackgroundJob], command: click.Command) -> click.Group:
    """Return a group that runs the job, and has a command that clears what the job stores of an experiment."""

    @click.pass_context
    def start(ctx: click.Context, /, **options: object) -> None:
        if ctx.invoked_subcommand is None:
            ctx.invoke(command, **options)

    def clear_cache() -> None:
        from pioreactor.runtime import context

        runtime = context.current()
        experiment = str(runtime.identity.experiment())
        for cache in job.experiment_caches:
            runtime.stores.persistent(cache).pop(experiment)
        click.echo(f"Cleared for {experiment}.")

    group = click.Group(
        job.job_name, callback=start, params=command.params, help=command.help, invoke_without_command=True
    )
    group.add_command(
        click.Command(
            "clear_cache",
            callback=clear_cache,
            help=f"Clear what {job.job_name} stores of this experiment: the next start begins anew.",
        )
    )
    return group
