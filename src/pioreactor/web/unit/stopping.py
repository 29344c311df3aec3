"""Stops jobs by asking their processes to end, and looks whether they did."""

import os
import signal
from collections.abc import Callable

from pioreactor.exc import InvalidRequestError, PioreactorError
from pioreactor.storage.ports import JobRecord, JobRegistry
from pioreactor.storage.processes import is_alive
from pioreactor.web.requests import StopJobs

_PATIENCE_S = 20.0
_LOOK_EVERY_S = 0.1
_OUTPUTS_FIRST = ("pump", "add_", "remove_", "circulate_", "stirring", "temperature", "dosing", "led")
"""What moves or heats is asked to stop before what only decides or measures."""


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


def stop(jobs: list[JobRecord], *, pause: Callable[[float], bool]) -> list[str]:
    """Ask each process to end (SIGINT), outputs first, and return the names of the jobs that ended.

    Raise `StillRunningError` naming those that live on after 20 s.
    """
    ordered = sorted(jobs, key=lambda job: next((i for i, p in enumerate(_OUTPUTS_FIRST) if p in job.job_name), 99))
    asked = [job for job in ordered if job.pid != os.getpid()]
    for job in asked:
        if is_alive(job.pid, job.process_started_at):
            _interrupt(job)
    looks = round(_PATIENCE_S / _LOOK_EVERY_S)
    living = asked
    for _ in range(looks):
        living = [job for job in living if is_alive(job.pid, job.process_started_at)]
        if not living or pause(_LOOK_EVERY_S):
            break
    if living:
        names = ", ".join(f"{job.job_name} (process {job.pid})" for job in living)
        raise StillRunningError(f"asked to stop, but still running after {_PATIENCE_S:g} s: {names}")
    return [job.job_name for job in asked]


def _interrupt(job: JobRecord) -> None:
    try:
        os.kill(job.pid, signal.SIGINT)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise StillRunningError(f"{job.job_name} belongs to another user and cannot be stopped from here") from error
