"""Stopping of jobs: interrupts their processes in stop order, and reports which jobs have ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pioreactor.job_catalog import stop_order_of
from pioreactor.processes.termination import interrupt

POLL_INTERVAL_S = 0.1


class JobProcess(Protocol):
    """A row of the job registry, as far as stopping is concerned."""

    @property
    def job_id(self) -> int: ...

    @property
    def job_name(self) -> str: ...

    @property
    def pid(self) -> int: ...


Job = TypeVar("Job", bound=JobProcess)
Job_co = TypeVar("Job_co", bound=JobProcess, covariant=True)


class RunningJobs(Protocol[Job_co]):
    """The part of the job registry that tells which jobs run."""

    def running(self, *, job_id: int | None = None) -> Sequence[Job_co]: ...


@dataclass(frozen=True, slots=True)
class Stopped(Generic[Job]):
    """Which jobs ended, and which did not within the time allowed."""

    ended: tuple[Job, ...]
    still_running: tuple[Job, ...]
    not_allowed: tuple[Job, ...] = ()
    """Those whose process belongs to another user."""

    def problems(self, patience_s: float) -> list[str]:
        """Return a sentence for each job that has not ended."""
        slow = [f"{_described(job)} still runs after {patience_s:g} s" for job in self.still_running]
        return slow + [f"{_described(job)} belongs to another user" for job in self.not_allowed]


def stop(
    jobs: Sequence[Job],
    registry: RunningJobs[Job],
    *,
    pause: Callable[[float], bool],
    patience_s: float,
    interrupt: Callable[[int], None] = interrupt,
) -> Stopped[Job]:
    """Interrupt each process once, however many jobs it hosts, and wait until the jobs have ended.

    `pause` waits for so many seconds and returns True when there is no point in waiting any longer.
    """
    refused = _interrupt_in_order(jobs, registry, interrupt)
    expected = {job.job_id for job in jobs} - {job.job_id for job in refused}
    alive = _alive_after(patience_s, registry, expected, pause)
    ended = [job for job in jobs if job.job_id in expected - alive]
    slow = [job for job in jobs if job.job_id in alive]
    return Stopped(tuple(ended), tuple(slow), tuple(refused))


def _interrupt_in_order(jobs: Sequence[Job], registry: RunningJobs[Job], interrupt: Callable[[int], None]) -> list[Job]:
    """Interrupt the processes of jobs in stop order; return the jobs whose process belongs to another user."""
    interrupted: set[int] = set()
    refused: list[Job] = []
    for job in sorted(jobs, key=_stop_order):
        # Checked again: meanwhile the process may have ended, and another one may have got its number.
        if job.pid in interrupted or not registry.running(job_id=job.job_id):
            continue
        try:
            interrupt(job.pid)
            interrupted.add(job.pid)
        except ProcessLookupError:
            continue
        except PermissionError:
            refused.append(job)
    return refused


def _alive_after(
    patience_s: float, registry: RunningJobs[Job], job_ids: set[int], pause: Callable[[float], bool]
) -> set[int]:
    """Wait until the jobs have ended, at most `patience_s`; return those that still run."""
    alive = _alive(registry, job_ids)
    for _ in range(round(patience_s / POLL_INTERVAL_S)):
        if not alive or pause(POLL_INTERVAL_S):
            break
        alive = _alive(registry, job_ids)
    return alive


def _alive(registry: RunningJobs[Job], job_ids: set[int]) -> set[int]:
    return {job.job_id for job in registry.running()} & job_ids


def _stop_order(job: JobProcess) -> tuple[int, int]:
    return stop_order_of(job.job_name), job.job_id


def _described(job: JobProcess) -> str:
    return f"{job.job_name} (process {job.pid})"
