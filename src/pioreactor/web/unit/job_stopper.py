"""Selects and stops jobs for a request."""

import os

from pioreactor.exc import InvalidRequestError, PioreactorError
from pioreactor.processes.job_stopping import stop
from pioreactor.storage.ports import JobRecord, JobRegistry
from pioreactor.web.request_bodies import StopJobs
from pioreactor.web.unit.services import UnitServices

_TIMEOUT_S = 20.0


class StillRunningError(PioreactorError):
    """A job has not stopped in time."""

    code = "still_running"
    status = 504
    remedy = "See the unit's log; retry with `pio kill` on the unit."


def find(registry: JobRegistry, request: StopJobs) -> list[JobRecord]:
    """Return the running jobs that match all given fields; raise `InvalidRequestError` if none is given."""
    if request == StopJobs():
        raise InvalidRequestError("one of job_name, experiment, job_source or job_id is required")
    return registry.running(
        job_name=request.job_name, experiment=request.experiment, job_source=request.job_source, job_id=request.job_id
    )


def stop_jobs(unit: UnitServices, jobs: list[JobRecord]) -> list[str]:
    """Stop jobs, except those of this process, and return the names of those that ended.

    Raise `StillRunningError` for jobs that still run after 20 s and for those of another user.
    """
    others = [job for job in jobs if job.pid != os.getpid()]
    stopped = stop(others, unit.stores.jobs(), pause=unit.tasks.pause, patience_s=_TIMEOUT_S)
    if problems := stopped.problems(_TIMEOUT_S):
        raise StillRunningError("; ".join(problems))
    return [job.job_name for job in stopped.ended]
