"""`pio resume`: resumes jobs that were interrupted by a power failure. Run at boot, after the output guard."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_result
from pioreactor.processes.forked_process import PioStarter
from pioreactor.processes.launch import failure_of, pio_argv

if TYPE_CHECKING:
    from pioreactor.jobs.restart_policy import DesiredJob
    from pioreactor.runtime.context import Runtime


START_TIMEOUT_S = 2.0
"""A job that still runs after this time has started."""


class _Outcome(TypedDict):
    """What was done about one interrupted job."""

    job_name: str
    experiment: str
    policy: str
    outcome: str


@click.command(name="resume")
@click.option("--list", "only_list", is_flag=True, help="Only show what would be resumed.")
@json_option
@pass_cli_context
def resume(cli: CliContext, only_list: bool, as_json: bool) -> None:
    """Resume jobs interrupted by a power failure, as configured in [resume]: resume, hold (paused), or ask."""
    from pioreactor.jobs import restart_policy

    runtime = cli.runtime
    starter = PioStarter(runtime.fork_server)

    def start(job: DesiredJob, environment: Mapping[str, str]) -> str:
        return _start_process(starter, job.argv, environment)

    running = _running(runtime)
    interrupted = [job for job in restart_policy.desired_jobs(runtime) if job.job_name not in running]
    done: list[_Outcome] = []
    for job in interrupted:
        policy = restart_policy.policy_for(runtime, job.job_name)
        outcome = "listed" if only_list else _carry_out(runtime, job, cli.environment, start)
        done.append({"job_name": job.job_name, "experiment": job.experiment, "policy": policy, "outcome": outcome})
    done += _resume_profiles(runtime, dict(cli.environment), only_list=only_list)
    if interrupted and not only_list:
        mark_gap(runtime, {job.experiment for job in interrupted}, restart_policy.last_gap(runtime))
    _show(done, as_json=as_json)


def _running(runtime: Runtime) -> set[str]:
    return {record.job_name for record in runtime.stores.jobs().running()}


def _carry_out(
    runtime: Runtime,
    job: DesiredJob,
    environment: Mapping[str, str],
    start: Callable[[DesiredJob, Mapping[str, str]], str],
) -> str:
    from pioreactor.jobs.restart_policy import environment_to_resume, policy_for

    if policy_for(runtime, job.job_name) == "ask":
        return "not resumed: start it, or dismiss it with `pio kill`"
    own = environment_to_resume(runtime, job)
    outcome = start(job, {**environment, **own})
    if outcome.startswith("failed") and job.job_name in _running(runtime):
        # The monitor restarts jobs that were killed while the computer stayed on; it started this one first.
        return "already running"
    return "started, paused" if "PIOREACTOR_START_SLEEPING" in own and outcome == "started" else outcome


def _resume_profiles(runtime: Runtime, environment: Mapping[str, str], *, only_list: bool) -> list[_Outcome]:
    """Continue the profiles that the leader was carrying out."""
    if not runtime.identity.is_leader:
        return []
    from pioreactor.experiment_profiles.checkpoint import unfinished_runs
    from pioreactor.experiment_profiles.run_profile import JOB_NAME, is_in_progress
    from pioreactor.jobs.restart_policy import policy_for

    policy = policy_for(runtime, JOB_NAME)
    done: list[_Outcome] = []
    for run in unfinished_runs(runtime.stores):
        if is_in_progress(runtime, run):
            continue
        outcome = "listed"
        if not only_list:
            waits = f"not resumed: pio run {JOB_NAME} resume {run.run_id}"
            words = (JOB_NAME, "resume", run.run_id)
            own = {"EXPERIMENT": run.experiment, "JOB_SOURCE": "resume"}
            start = PioStarter(runtime.fork_server)
            outcome = _start_process(start, words, {**environment, **own}) if policy == "resume" else waits
        done.append({"job_name": JOB_NAME, "experiment": run.experiment, "policy": policy, "outcome": outcome})
    return done


def _start_process(start: PioStarter, argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """Start a job as a process of its own; one that ends within two seconds has failed."""
    readable, writable = os.pipe()
    with open(readable, "rb") as said:  # noqa: PTH123  a descriptor
        with open(writable, "wb") as output:  # noqa: PTH123
            process = start(pio_argv("run", *argv), {**os.environ, **environment}, output)
        try:
            status = process.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return "started"
        return "started" if status == 0 else f"failed: {failure_of(said.read(), status).message}"


def mark_gap(runtime: Runtime, experiments: set[str], gap: tuple[datetime | None, datetime]) -> None:
    """Leave a line in each experiment's log that says from when to when nothing was recorded."""
    from pioreactor import structs, topics
    from pioreactor.runtime.journaling_publisher import JournalingPublisher

    since, until = gap
    start = "an unknown moment" if since is None else structs.to_timestamp(since)
    bus = runtime.buses.connect("resume")
    publisher = JournalingPublisher(bus, runtime.stores.journal(), runtime.clock)
    for experiment in sorted(experiments):
        record = structs.Log(
            message=f"Gap in the records: {runtime.unit} was off from {start} to {structs.to_timestamp(until)}.",
            level="NOTICE",
            source="app",
            task="resume",
            timestamp=runtime.clock.now(),
        )
        publisher.publish(topics.log(runtime.unit, experiment, "app", "notice"), structs.encode(record), qos=1)
    publisher.flush()
    bus.flush(2.0)
    bus.close()


def _show(done: list[_Outcome], *, as_json: bool) -> None:
    lines = [f"{entry['job_name']} ({entry['experiment']}): {entry['policy']}: {entry['outcome']}" for entry in done]
    print_result(done, as_json, *(lines if lines else ["No interrupted jobs."]))
