"""Stops the jobs that a request means."""

import os

from pioreactor.exc import InvalidRequestError, PioreactorError
from pioreactor.processes.job_stopping import stop
from pioreactor.storage.ports import JobRecord, JobRegistry
from pioreactor.web.request_bodies import StopJobs
from pioreactor.web.unit.services import UnitServices

_PATIENCE_S = 20.0


class StillRunningError(PioreactorError):
    """A job was asked to stop and has not ended."""

    code = "still_running"
    status = 504
    remedy = "Look at the unit's log; `pio kill` on the unit asks again."


def find(registry: JobRegistry, wish: StopJobs) -> list[JobRecord]:
    """Return the living jobs that match everything that is given; nothing given matches nothing."""
    if wish == StopJobs():
        raise InvalidRequestError("say which jobs: job_name, experiment, job_source or job_id")
    return registry.running(
        job_name=wish.job_name, experiment=wish.experiment, job_source=wish.job_source, job_id=wish.job_id
    )


def stop_and_tell(unit: UnitServices, jobs: list[JobRecord]) -> list[str]:
    """Stop jobs of other processes than this server's, and return the names of those that ended.

    Raise `StillRunningError` naming those that live on after 20 s, and those that belong to another user.
    """
    others = [job for job in jobs if job.pid != os.getpid()]
    stopped = stop(others, unit.stores.jobs(), pause=unit.tasks.pause, patience_s=_PATIENCE_S)
    if problems := stopped.problems(_PATIENCE_S):
        raise StillRunningError("; ".join(problems))
    return [job.job_name for job in stopped.ended]
