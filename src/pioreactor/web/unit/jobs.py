"""Routes of a unit that start, stop and list its jobs and their settings."""

import logging
import os

import msgspec
from litestar import Request, Router, get, route
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.cluster.pairing_protocol import refuse_distant
from pioreactor.exc import InvalidRequestError, JobNotRunningError, NotFoundError, PioreactorError
from pioreactor.http.units import VERSION_HEADER
from pioreactor.job_catalog import ACTION_OPTIONS
from pioreactor.processes.job_stopping import stop
from pioreactor.storage.ports import JobRecord, JobRegistry
from pioreactor.version import __version__
from pioreactor.web.problems import TooManyRequestsError
from pioreactor.web.request_bodies import (
    OF_A_RUN,
    RunJob,
    StopJobs,
    check_environment,
    experiment_name,
    job_name,
    setting_name,
)
from pioreactor.web.route_declarations import PATCH_OR_POST, UNITS, WORKERS, relayed
from pioreactor.web.security.identity import identity_of, person_named
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.job_launcher import REQUESTABLE
from pioreactor.web.unit.services import UnitPorts, UnitServices

_TIMEOUT_S = 20.0
_log = logging.getLogger("pioreactor.web")


class StillRunningError(PioreactorError):
    """A job has not stopped in time."""

    code = "still_running"
    status = 504
    remedy = "See the unit's log; retry with `pio kill` on the unit."


def _find(registry: JobRegistry, request: StopJobs) -> list[JobRecord]:
    """Return the running jobs that match all given fields; raise `InvalidRequestError` if none is given."""
    if request == StopJobs():
        raise InvalidRequestError("one of job_name, experiment, job_source or job_id is required")
    return registry.running(
        job_name=request.job_name, experiment=request.experiment, job_source=request.job_source, job_id=request.job_id
    )


def _stop_and_wait(unit: UnitServices, jobs: list[JobRecord]) -> list[str]:
    """Stop jobs, except those of this process, and return the names of those that ended.

    Raise `StillRunningError` for jobs that still run after 20 s and for those of another user.
    """
    others = [job for job in jobs if job.pid != os.getpid()]
    stopped = stop(
        others,
        unit.stores.jobs(),
        pause=unit.tasks.pause,
        patience_s=_TIMEOUT_S,
        interrupt=unit.interrupt,
    )
    if problems := stopped.problems(_TIMEOUT_S):
        raise StillRunningError("; ".join(problems))
    return [job.job_name for job in stopped.ended]


class JobRow(msgspec.Struct):
    """One row of the unit's table of jobs."""

    job_id: int
    unit: str
    experiment: str
    job_name: str
    job_source: str
    started_at: str
    is_running: int
    leader: str
    pid: int
    is_long_running_job: int
    ended_at: str | None


class SettingsAnswer(msgspec.Struct):
    """Published settings of a running job."""

    settings: dict[str, object]


def as_row(job: JobRecord) -> JobRow:
    """Return a job as a row of the API, with booleans as 0 or 1."""
    return JobRow(
        job.job_id,
        job.unit,
        job.experiment,
        job.job_name,
        job.job_source,
        job.started_at,
        int(job.is_running),
        job.leader,
        job.pid,
        int(job.is_long_running_job),
        job.ended_at,
    )


@route("/jobs/run/job_name/{job:str}", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def run_job(
    request: Request[object, object, State], unit: UnitPorts, job: FromPath[str], data: JSONBody[RunJob | None] = None
) -> Accepted:
    """Start a job in a process of its own.

    The task succeeds once the job is ready, and fails with its last output if it exits with an error before.

    Of the environment a request can set `EXPERIMENT`, `JOB_SOURCE`, `DEBUG` and `SKIP_PLUGINS`; the leader also says
    whether the unit is active, and its model.
    """
    # Jobs are stopped, and software is updated, whatever the versions are.
    refuse_distant(unit.name, __version__, request.headers.get(VERSION_HEADER, __version__))
    name, run = job_name(job), data if data is not None else RunJob()
    requested_by = person_named(request.scope)
    identity = identity_of(request.scope)
    allowed = REQUESTABLE if identity is not None and identity.kind == "unit" else OF_A_RUN
    check_environment(run.env, allowed, fixed={"HOSTNAME": unit.name})
    if requested_by:
        run = msgspec.structs.replace(run, env={**run.env, "REQUESTED_BY": requested_by})
    unit.launcher.check(name, run)
    try:
        unit.launcher.debounce(_debounced(name, run))
    except TooManyRequestsError:
        _log.warning("Refused %s: the same was requested less than a second before.", _described(name, run))
        raise
    return unit.tasks.start(f"starting {name}", lambda: unit.launcher.launch(name, run))


def _debounced(name: str, run: RunJob) -> str:
    """Return what is not started twice within a second: a job, or an action with equal options.

    Different doses in quick succession are meant, and wait for their pump; equal ones are a double click.
    """
    return f"{name} {msgspec.json.encode(run).decode()}" if name in ACTION_OPTIONS else name


def _described(name: str, run: RunJob) -> str:
    options = "".join(f" {option}={value}" for option, value in sorted(run.options.items()))
    source = run.env.get("JOB_SOURCE")
    return f"{name}{options} (requested by {source if source else 'user'})"


def _stop(unit: UnitServices, jobs: list[JobRecord]) -> Accepted:
    return unit.tasks.start("stopping jobs", lambda: {"stopped": _stop_and_wait(unit, jobs)})


@route("/jobs/stop", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def stop_jobs(unit: UnitPorts, data: JSONBody[StopJobs]) -> Accepted:
    """Stop the jobs that match; the task succeeds when they have ended."""
    return _stop(unit, _find(unit.stores.jobs(), data))


@route("/jobs/stop/all", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def stop_all_jobs(unit: UnitPorts) -> Accepted:
    """Stop all jobs except long-running ones, such as monitor."""
    return _stop(unit, [job for job in unit.stores.jobs().running() if not job.is_long_running_job])


@get("/jobs", sync_to_thread=True)
def jobs(unit: UnitPorts) -> list[JobRow]:
    return [as_row(job) for job in unit.stores.jobs().history()]


@relayed(WORKERS, UNITS, target="units")
@get("/jobs/running", sync_to_thread=True)
def running_jobs(unit: UnitPorts) -> list[JobRow]:
    return [as_row(job) for job in unit.stores.jobs().running()]


@get("/jobs/running/{job:str}", sync_to_thread=True)
def running_job(unit: UnitPorts, job: FromPath[str]) -> list[JobRow]:
    return [as_row(found) for found in unit.stores.jobs().running(job_name=job_name(job))]


@get("/jobs/running/experiments/{experiment:str}", sync_to_thread=True)
def running_jobs_of_experiment(unit: UnitPorts, experiment: FromPath[str]) -> list[JobRow]:
    return [as_row(job) for job in unit.stores.jobs().running(experiment=experiment_name(experiment))]


@get("/long_running_jobs/running", sync_to_thread=True)
def long_running_jobs(unit: UnitPorts) -> list[JobRow]:
    return [as_row(job) for job in unit.stores.jobs().running() if job.is_long_running_job]


def _settings(unit: UnitServices, job: str) -> dict[str, object]:
    registry = unit.stores.jobs()
    running = registry.running(job_name=job_name(job))
    if not running:
        raise JobNotRunningError(f"{job} is not running on {unit.name}")
    return {name: _value(value) for name, value in registry.settings(running[0].job_id).items()}


def _value(stored: object) -> object:
    if isinstance(stored, bytes):
        stored = stored.decode("utf-8", "replace")
    if isinstance(stored, str) and stored[:1] in ("{", "["):
        try:
            return msgspec.json.decode(stored)
        except msgspec.DecodeError:
            return stored
    return stored


@relayed(path=f"{WORKERS}/jobs/settings/job_name/{{job:str}}/experiments/{{experiment:str}}", target="experiment")
@get("/jobs/settings/job_name/{job:str}", sync_to_thread=True)
def job_settings(unit: UnitPorts, job: FromPath[str]) -> SettingsAnswer:
    return SettingsAnswer(_settings(unit, job))


@relayed(
    path=f"{WORKERS}/jobs/settings/job_name/{{job:str}}/setting/{{setting:str}}/experiments/{{experiment:str}}",
    target="experiment",
)
@get("/jobs/settings/job_name/{job:str}/setting/{setting:str}", sync_to_thread=True)
def job_setting(unit: UnitPorts, job: FromPath[str], setting: FromPath[str]) -> dict[str, object]:
    found = _settings(unit, job)
    name = setting_name(setting)
    if name not in found:
        raise NotFoundError(f"{job} has no published setting {name}")
    return {name: found[name]}


ROUTES = Router(
    "/",
    route_handlers=[
        *(run_job, stop_jobs, stop_all_jobs),
        *(jobs, running_jobs, running_job, running_jobs_of_experiment, long_running_jobs, job_settings, job_setting),
    ],
    tags=["jobs of a unit"],
    opt=needs("units"),
)
