"""The registry of jobs under the name of its former class."""

from __future__ import annotations

from typing import Final

from pioreactor.exc import JobNotRunningError
from pioreactor.job_catalog import JOBS
from pioreactor.runtime.context import current


class JobManager:
    """What runs on this unit. Use it in a `with` block."""

    LONG_RUNNING_JOBS: Final = tuple(sorted(spec.name for spec in JOBS.values() if spec.is_service))
    """Jobs that `pio kill --all-jobs` leaves running. A class states it by `is_long_running`."""

    def __enter__(self) -> JobManager:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def is_job_running(self, job_name: str) -> bool:
        return bool(current().stores.jobs().running(job_name=job_name))

    def count_running_jobs(self, *, include_long_running_jobs: bool = True) -> int:
        """Return how many jobs run; optionally without services such as the monitor."""
        running = current().stores.jobs().running()
        return sum(include_long_running_jobs or not job.is_long_running_job for job in running)

    def list_job_history(self, limit: int = 100) -> list[tuple[int, str, str, str, str, str, str | None, int]]:
        """Return (job id, name, experiment, source, unit, start, end, process id) of jobs, newest first."""
        return [
            (
                *(job.job_id, job.job_name, job.experiment, job.job_source),
                *(job.unit, job.started_at, job.ended_at, job.pid),
            )
            for job in current().stores.jobs().history(limit=limit)
        ]

    def list_jobs(
        self,
        *,
        job_name: str | None = None,
        experiment: str | None = None,
        job_source: str | None = None,
        job_id: int | None = None,
    ) -> list[tuple[str, str, int]]:
        """Return (job name, experiment, job id) of what runs and matches."""
        found = (
            current()
            .stores.jobs()
            .running(job_name=job_name, experiment=experiment, job_source=job_source, job_id=job_id)
        )
        return [(job.job_name, job.experiment, job.job_id) for job in found]

    def get_setting_from_running_job(self, job_name: str, setting: str, timeout: float | None = None) -> object:
        """Return a published setting; wait up to `timeout` seconds for it, then raise `JobNotRunningError`."""
        runtime = current()
        give_up_s = runtime.clock.monotonic() + (timeout if timeout is not None else 0.0)
        while True:
            registry = runtime.stores.jobs()
            for job in registry.running(job_name=job_name):
                settings = registry.settings(job.job_id)
                if setting in settings:
                    return settings[setting]
            if runtime.clock.monotonic() >= give_up_s:
                raise JobNotRunningError(f"{job_name} has no setting {setting} at present, or does not run")
            runtime.clock.sleep(0.05)
