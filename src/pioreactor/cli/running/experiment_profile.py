"""`pio run experiment_profile`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option
from pioreactor.exc import InvalidRequestError, PioreactorError
from pioreactor.experiment_profiles import run_profile
from pioreactor.experiment_profiles.profile_runner import RunOutcome
from pioreactor.runtime import context, signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pioreactor.experiment_profiles.availability import RunnableByUnit
    from pioreactor.experiment_profiles.checkpoint import RunProgress
    from pioreactor.experiment_profiles.lenient_reader import Diagnostic
    from pioreactor.experiment_profiles.ports import Cluster
    from pioreactor.experiment_profiles.timeline import Step
    from pioreactor.experiment_profiles.validate import Verdict

_CAPABILITIES_OF_WORKERS = "/api/workers/$broadcast/capabilities"
_ASK_TIMEOUT_S = 20.0
_COLORS = {"error": "red", "warning": "yellow", "info": "blue"}


@click.group(name="experiment_profile")
def experiment_profile() -> None:
    """Run an experiment profile: actions on units at given times."""


@experiment_profile.command()
@click.argument("file")
@click.argument("experiment")
@click.option("--dry-run", is_flag=True, help="Print the timeline without running it.")
@pass_cli_context
def execute(cli: CliContext, file: str, experiment: str, dry_run: bool) -> None:
    """Run the profile FILE (a path, or a name in the profiles folder) in EXPERIMENT.

    It runs until all actions are done. Ctrl-C stops it and every job that it started.
    """
    runtime = context.current()
    if not runtime.identity.is_leader:
        raise InvalidRequestError("profiles run on the leader", remedy="Run this command on the leader.")
    path = run_profile.find_file(runtime, file)
    run = run_profile.new_run(runtime, path, experiment, check=lambda text: _checked(cli, text))
    _require_plugins(run)
    if dry_run:
        _show_timeline(run)
        return
    _run(cli, run)


@experiment_profile.command()
@click.argument("run_id")
@pass_cli_context
def resume(cli: CliContext, run_id: str) -> None:
    """Resume a run that was interrupted; `pio resume` does this after a power cut."""
    _run(cli, run_profile.interrupted_run(context.current(), run_id))


@experiment_profile.command()
@click.argument("file")
@json_option
@click.pass_context
def verify(ctx: click.Context, file: str, as_json: bool) -> None:
    """Check the profile FILE and print what is wrong. The exit code is 1 if it cannot be run.

    It is compared with the units of the cluster if the leader answers.
    """
    path = run_profile.find_file(context.current(), file)
    cli = ctx.find_object(CliContext)
    verdict = _verdict(cli if cli is not None else CliContext(), path.read_text(encoding="utf-8"))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(verdict).decode())
    else:
        _show_findings(verdict.diagnostics)
        click.echo("The profile is valid." if verdict.ok else "The profile cannot be run.")
    if not verdict.ok:
        ctx.exit(1)


def _verdict(cli: CliContext, text: str) -> Verdict:
    """Compare a profile with the commands of this unit, and with the units and their models if the leader answers."""
    from pioreactor.experiment_profiles.availability import runnable_by_unit
    from pioreactor.experiment_profiles.validate import verify
    from pioreactor.models import load_models, models_of_units
    from pioreactor.plugin_management import get_plugins, job_classes

    try:
        workers = cli.workers()
    except PioreactorError as error:
        click.echo(f"Not compared with the units of the cluster: {error}", err=True)
        units = None
    else:
        models = load_models(context.current().paths.models)
        units = models_of_units(
            ((one["pioreactor_unit"], one.get("model_name"), one.get("model_version")) for one in workers), models
        )

    def ask_units() -> RunnableByUnit:
        try:
            return runnable_by_unit(cli.ask_leader("GET", _CAPABILITIES_OF_WORKERS, timeout_s=_ASK_TIMEOUT_S))
        except PioreactorError as error:
            click.echo(f"Not compared with what the units can run: {error}", err=True)
            return {}

    jobs = _known_jobs(click.get_current_context())
    return verify(text, jobs=jobs, units=units, plugin_jobs=job_classes(get_plugins()), ask_units=ask_units)


def _checked(cli: CliContext, text: str) -> Verdict:
    verdict = _verdict(cli, text)
    _show_findings(verdict.diagnostics)
    return verdict


def _known_jobs(ctx: click.Context) -> dict[str, Sequence[str]]:
    """Return the commands of `pio run` with the options of each; none for those that take any."""
    group = ctx.parent.parent.command if ctx.parent is not None and ctx.parent.parent is not None else None
    if not isinstance(group, click.Group):
        return {}
    return {name: _options_of(group.get_command(ctx, name)) for name in group.list_commands(ctx)}


def _options_of(command: click.Command | None) -> Sequence[str]:
    if command is None or command.ignore_unknown_options:
        return []
    return [_option_name(flag) for parameter in command.params for flag in parameter.opts]


def _option_name(flag: str) -> str:
    """Return an option as profiles spell it."""
    return flag.lstrip("-").replace("-", "_")


def _require_plugins(run: RunProgress) -> None:
    from pioreactor.experiment_profiles.profile_struct import read_profile
    from pioreactor.experiment_profiles.validate import check_plugins
    from pioreactor.plugin_management import get_plugins

    profile = read_profile(run.profile)
    if profile.plugins:
        check_plugins(profile.plugins, {name: plugin.version for name, plugin in get_plugins().items()})


def _run(cli: CliContext, run: RunProgress) -> None:
    def make_cluster(run_context: run_profile.RunContext, experiment: str) -> Cluster:
        from pioreactor.experiment_profiles.http_cluster import HttpCluster

        return HttpCluster(
            cli.ask_leader,
            lambda unit, method, path, body: cli.ask(unit, method, path, json=body),
            run_context.action.registration.bus,
            run_context.action.runtime.clock,
            experiment=experiment,
            source=run_context.source,
            stop=run_context.stop,
        )

    # Unwinding at a signal would leave the jobs of the profile running.
    with signals.asked_to_end():
        outcome = run_profile.run_profile(
            context.current(), run, make_cluster, keeps_progress=signals.computer_is_shutting_down
        )
    if outcome is RunOutcome.FINISHED and run.failed:
        click.get_current_context().exit(1)


def _show_findings(found: Sequence[Diagnostic]) -> None:
    for one in found:
        word = click.style(f"{one.severity:<8}", fg=_COLORS[one.severity])
        place = "" if one.line is None else f"line {one.line}, column {one.column}: "
        path = f"{one.path}: " if one.path else ""
        click.echo(f"{word}{place}{path}{one.message} ({one.code})", err=True)
        if one.hint:
            click.echo(f"        Try: {one.hint}", err=True)


def _show_timeline(run: RunProgress) -> None:
    from pioreactor.experiment_profiles.profile_struct import read_profile
    from pioreactor.experiment_profiles.timeline import timeline

    for step in timeline(read_profile(run.profile)):
        click.echo(_line(step))


def _line(step: Step) -> str:
    from pioreactor.experiment_profiles.durations import format_duration

    who = step.who if step.depth == 0 else ""
    return f"{format_duration(step.at_s):>12}  {who:<14} {'  ' * step.depth}{step.words}"
