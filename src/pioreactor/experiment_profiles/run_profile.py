"""Profile runs as actions of the leader, which can be listed, stopped, and continued after a power cut."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pioreactor import structs
from pioreactor.clock.ports import Signal
from pioreactor.exc import ActuatorInUseError, ConflictError, NotFoundError
from pioreactor.experiment_profiles.checkpoint import CheckpointStore, RunProgress, unfinished_runs
from pioreactor.experiment_profiles.ports import Cluster
from pioreactor.experiment_profiles.profile_runner import ProfileRunner, RunOutcome
from pioreactor.experiment_profiles.profile_struct import InvalidProfileError, read_profile
from pioreactor.experiment_profiles.validate import Verdict, verify
from pioreactor.jobs.managed_lifecycle import long_running_managed_lifecycle
from pioreactor.observability.log import NOTICE
from pioreactor.runtime.context import Runtime

JOB_NAME = "experiment_profile"
EXTENSIONS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class RunContext:
    """Context that a run provides for its cluster: its action, the source of its jobs, and its stop signal."""

    action: long_running_managed_lifecycle
    source: str
    stop: Signal


ClusterFactory = Callable[[RunContext, str], Cluster]
"""(context, experiment) → the workers of the experiment."""


def find_file(runtime: Runtime, name: str) -> Path:
    """Return the file of a profile: a path, or a name in the profiles folder with or without its extension."""
    folder = runtime.paths.experiment_profiles
    for path in (Path(name), folder / name, *(folder / f"{name}{extension}" for extension in EXTENSIONS)):
        if path.is_file():
            return path
    raise NotFoundError(f"no profile named {name!r}", remedy=f"Profiles are in {folder}.")


def new_run(runtime: Runtime, path: Path, experiment: str, check: Callable[[str], Verdict] = verify) -> RunProgress:
    """Return a run that has not started; raise `InvalidProfileError` with every error that `check` finds."""
    text = path.read_text(encoding="utf-8")
    errors = [found for found in check(text).diagnostics if found.severity == "error"]
    if errors:
        messages = "; ".join(f"line {found.line}: {found.path}: {found.message}" for found in errors)
        raise InvalidProfileError(f"{path.name} cannot be run: {messages}", remedy=errors[0].hint)
    started_at = structs.to_timestamp(runtime.clock.now())
    return RunProgress(secrets.token_hex(8), path.name, text, experiment, "", started_at)


def interrupted_run(runtime: Runtime, run_id: str) -> RunProgress:
    """Return an interrupted run; raise `NotFoundError` if there is none of this id."""
    for run in unfinished_runs(runtime.stores):
        if run.run_id == run_id:
            return run
    raise NotFoundError(f"no interrupted run {run_id!r}", remedy="See: pio resume --list")


def is_in_progress(runtime: Runtime, run: RunProgress) -> bool:
    """Return whether a live process executes the run."""
    return runtime.ownership.holder(_resource(run)) is not None


def _resource(run: RunProgress) -> str:
    return f"profile-run-{run.run_id}"


def run_profile(
    runtime: Runtime, run: RunProgress, make_cluster: ClusterFactory, *, keeps_progress: Callable[[], bool]
) -> RunOutcome:
    """Run a profile until it has finished or is stopped; `keeps_progress`: whether a stop is an interruption."""
    is_new = not run.noted_at
    action = long_running_managed_lifecycle(runtime.unit, run.experiment, JOB_NAME, ignore_is_active_state=True)
    with action:
        try:
            lease = runtime.ownership.acquire(_resource(run), action.owner)
        except ActuatorInUseError as error:
            raise ConflictError("this run of the profile is already in progress") from error
        try:
            run.source = run.source if run.source else f"{JOB_NAME}/{action.job_id}"
            return _run(runtime, run, action, make_cluster, is_new=is_new, keeps_progress=keeps_progress)
        finally:
            lease.release()


def _run(
    runtime: Runtime,
    run: RunProgress,
    action: long_running_managed_lifecycle,
    make_cluster: ClusterFactory,
    *,
    is_new: bool,
    keeps_progress: Callable[[], bool],
) -> RunOutcome:
    stop = action.exit_event
    name = read_profile(run.profile).experiment_profile_name
    runner = ProfileRunner(
        run,
        CheckpointStore(runtime.stores, run.run_id),
        cluster=make_cluster(RunContext(action, run.source, stop), run.experiment),
        clock=runtime.clock,
        stop=stop,
        log=lambda level, message: action.logger.log(level, "%s", message),
        on_action_count=lambda count: action.publish_setting("action_count", count),
        random=Random(run.run_id).random,
        keeps_progress=keeps_progress,
    )
    action.publish_setting("experiment_profile_name", name)
    action.publish_setting("start_time_utc", run.started_at)
    action.publish_setting("profile_filename", run.filename)
    action.logger.log(NOTICE, "%s profile %s.", "Starting" if is_new else "Continuing", name)
    outcome = runner.run()
    match outcome:
        case RunOutcome.FINISHED:
            level = logging.WARNING if run.failed else logging.INFO
            action.logger.log(level, "Finished profile %s: %s.", name, run.summary())
        case RunOutcome.STOPPED:
            action.logger.log(NOTICE, "Stopped profile %s and the jobs that it had started.", name)
        case RunOutcome.INTERRUPTED:
            action.logger.log(NOTICE, "Profile %s is interrupted; it continues when the leader is back.", name)
    for setting in ("experiment_profile_name", "start_time_utc"):
        action.publish_setting(setting, None)
    return outcome
