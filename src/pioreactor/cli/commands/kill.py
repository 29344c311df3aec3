"""`pio kill`: stops jobs of this unit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TypedDict

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option, underscored
from pioreactor.cli.render import print_result
from pioreactor.exc import PioreactorError, StorageError
from pioreactor.job_catalog import JOBS
from pioreactor.processes.job_stopping import POLL_INTERVAL_S, Stopped, stop
from pioreactor.processes.liveness import is_alive, job_processes
from pioreactor.storage.ports import JobRecord, JobRegistry

_PATIENCE_S = 10.0


@click.command()
@click.option("--job-name", help="Jobs of this name.")
@click.option("--job-id", type=int, help="The job of this number, from `pio jobs list`.")
@click.option("--experiment", help="Jobs of this experiment.")
@click.option("--job-source", help="Jobs started by this: user, or experiment_profile/ID.")
@click.option("--all-jobs", is_flag=True, help="All jobs except those that always run, such as monitor.")
@click.option(
    "--wait",
    "patience_s",
    type=click.FloatRange(0, 600),
    default=_PATIENCE_S,
    show_default=True,
    help="Wait this long for the jobs to end [s].",
)
@json_option
@pass_cli_context
def kill(
    cli: CliContext,
    job_name: str | None,
    job_id: int | None,
    experiment: str | None,
    job_source: str | None,
    all_jobs: bool,
    patience_s: float,
    as_json: bool,
) -> None:
    """Stop jobs of this unit and wait until they have ended. Several filters must all match.

    Pumps, heater and stirring stop first, LEDs last. Jobs that always run are stopped by name or number only.
    """
    job_name = underscored(job_name) if job_name is not None else None
    filters: _Filters = {
        "job_name": job_name,
        "job_id": job_id,
        "experiment": experiment,
        "job_source": job_source,
    }
    if not all_jobs and all(value is None for value in filters.values()):
        raise click.UsageError("Choose jobs: --job-name, --job-id, --experiment, --job-source or --all-jobs.")
    runtime = cli.runtime
    registry = runtime.stores.jobs()
    try:
        registry.running()
    except StorageError as error:
        _kill_without_registry(cli, filters, error, patience_s=patience_s)
        return
    chosen = _jobs_to_stop(registry, filters, own_pid=runtime.pid)
    pause = runtime.clock.signal().wait
    stopped = stop(chosen, registry, pause=pause, patience_s=patience_s, interrupt=cli.interrupt)
    if all_jobs or job_name == "led_intensity":
        _switch_leds_off(cli)
    print_result(
        {"ended": _names(stopped.ended), "still_running": _names((*stopped.still_running, *stopped.not_allowed))},
        as_json,
        lambda: _print_stopped(stopped),
    )
    _raise_if_any_still_runs(stopped, patience_s)


def _kill_without_registry(cli: CliContext, filters: _Filters, error: StorageError, *, patience_s: float) -> None:
    """Stop jobs that are found by their command lines; raise what keeps from reading the registry for other filters."""
    if any(value is not None for name, value in filters.items() if name != "job_name"):
        raise error
    pids = _processes_of_jobs(cli, filters["job_name"])
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            cli.interrupt(pid)
    pause = cli.runtime.clock.signal().wait
    for _ in range(round(patience_s / POLL_INTERVAL_S)):
        if not _living(pids) or pause(POLL_INTERVAL_S):
            break
    _switch_leds_off(cli)
    click.echo(f"The list of jobs cannot be read ({error}); jobs were found by their command lines.", err=True)
    alive = _living(pids)
    click.echo(f"Killed {len(pids) - len(alive)} jobs.")
    if alive:
        raise PioreactorError(
            f"still running after {patience_s:g} s: {alive}", remedy="Check what they are doing: pio logs"
        )


def _processes_of_jobs(cli: CliContext, job_name: str | None) -> list[int]:
    """Return the processes of jobs of this name; without one, of all jobs but services."""
    found = {pid: underscored(name) for pid, name in job_processes(cli.paths.dot_pioreactor).items()}
    if job_name is not None:
        return [pid for pid, name in found.items() if name == job_name]
    return [pid for pid, name in found.items() if name not in JOBS or not JOBS[name].is_service]


def _living(pids: Iterable[int]) -> list[int]:
    return [pid for pid in pids if is_alive(pid, None)]


class _Filters(TypedDict):
    """The jobs to stop: those that match every filter that is not None."""

    job_name: str | None
    job_id: int | None
    experiment: str | None
    job_source: str | None


def _jobs_to_stop(registry: JobRegistry, filters: _Filters, *, own_pid: int) -> list[JobRecord]:
    """Return the running jobs that match; those that always run only if they were named."""
    named = filters["job_name"] is not None or filters["job_id"] is not None
    return [
        record
        for record in registry.running(**filters)
        if record.pid != own_pid and (named or not record.is_long_running_job)
    ]


def _switch_leds_off(cli: CliContext) -> None:
    """Switch off LEDs that were set outside a running job: no job will."""
    from pioreactor.actions.led_intensity import ALL_LED_CHANNELS, led_intensity, led_state, unlocked
    from pioreactor.runtime.context import using

    with using(cli.runtime) as runtime:
        try:
            lit = {channel: 0.0 for channel, percent in led_state(runtime).items() if percent > 0}
            if lit:
                led_intensity(lit, source_of_event="pio kill")
        except StorageError as error:  # on a full disk nothing can be recorded: the outputs matter
            lit = dict.fromkeys(unlocked(runtime, ALL_LED_CHANNELS, owner=""), 0.0)
            leds = runtime.open_rig().leds()
            for channel in lit:
                leds.set_intensity(channel, 0.0)
            click.echo(f"This is not recorded: {error}", err=True)
        if lit:
            click.echo(f"LED {', '.join(lit)} switched off.", err=True)


def _print_stopped(stopped: Stopped[JobRecord]) -> None:
    for record in stopped.ended:
        click.echo(f"{record.job_name} ended.")
    count = len(stopped.ended)
    click.echo(f"Killed {count} job{'' if count == 1 else 's'}.")


def _raise_if_any_still_runs(stopped: Stopped[JobRecord], patience_s: float) -> None:
    if problems := stopped.problems(patience_s):
        raise PioreactorError("; ".join(problems), remedy="Check what they are doing: pio logs")


def _names(records: tuple[JobRecord, ...]) -> list[str]:
    return [record.job_name for record in records]
