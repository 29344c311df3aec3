"""Desired jobs of a unit, stored across power cuts: an intentional stop removes a job from them, a crash does not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime

import msgspec

from pioreactor import structs
from pioreactor.exc import StorageError
from pioreactor.runtime.context import Runtime

CACHE = "desired_jobs"
LAST_ALIVE = "last_alive"
GAP = "desired_jobs_gap"
"""Volatile cache with `since` and `until`, between which the computer was off before its current boot."""

run_argv: ContextVar[tuple[str, ...]] = ContextVar("pioreactor_command_words", default=())
"""Arguments of the current `pio run`; empty in a script, whose jobs cannot be restarted."""


class DesiredJob(msgspec.Struct, frozen=True):
    """A job that was started and not stopped intentionally."""

    job_name: str
    experiment: str
    argv: tuple[str, ...] = msgspec.field(name="words")
    """Arguments of `pio run` that start it again. Stored as `words`."""
    started_at: str
    state: str
    """`ready`, or `sleeping` for one that was paused."""
    job_source: str = "user"
    """What started it, such as the run of a profile."""


def store(logger: logging.Logger | logging.LoggerAdapter[logging.Logger], change: Callable[[], None]) -> None:
    """Change what is stored; a failing disk must not keep a job from changing its state."""
    try:
        change()
    except StorageError as error:
        logger.warning("The desired jobs of this unit cannot be stored: %s.", error)


def record_desired(runtime: Runtime, job: DesiredJob) -> None:
    """Store that a job should run, and in which state."""
    runtime.stores.persistent(CACHE).set(job.job_name, msgspec.json.encode(job).decode())


def remove_desired(runtime: Runtime, job_name: str) -> None:
    """Remove a job that was stopped intentionally."""
    runtime.stores.persistent(CACHE).pop(job_name)


def desired_jobs(runtime: Runtime) -> list[DesiredJob]:
    """Return the jobs that should run on this unit, oldest first; unreadable entries are dropped."""
    cache = runtime.stores.persistent(CACHE)
    found = []
    for name, text in cache.items():
        try:
            found.append(msgspec.json.decode(text if isinstance(text, str | bytes) else b"", type=DesiredJob))
        except msgspec.DecodeError:
            cache.pop(name)
    return sorted(found, key=lambda job: job.started_at)


def policy_for(runtime: Runtime, job_name: str) -> str:
    """Return what to do with an interrupted job: `resume`, `hold` or `ask`."""
    policies = runtime.settings.resume
    return str(getattr(policies, job_name, policies.other_jobs))


def environment_to_resume(runtime: Runtime, job: DesiredJob) -> dict[str, str]:
    """Return the environment variables of a process that resumes an interrupted job, paused if the policy is `hold`."""
    # Stopping a profile stops the jobs of its source, also those that were resumed meanwhile.
    source = job.job_source if job.job_source.startswith("experiment_profile/") else "resume"
    environment = {"EXPERIMENT": job.experiment, "JOB_SOURCE": source, "PIOREACTOR_RESUMED": "1"}
    if policy_for(runtime, job.job_name) == "hold" or job.state == "sleeping":
        environment["PIOREACTOR_START_SLEEPING"] = "1"
    return environment


def record_alive(runtime: Runtime) -> None:
    """Store the current time as the last one at which the unit ran; the first call after a boot keeps the gap."""
    alive = runtime.stores.persistent(CACHE + "_alive")
    gap = runtime.stores.volatile(GAP)
    now = structs.to_timestamp(runtime.clock.now())
    if gap.get("until") is None:
        gap.set("since", alive.get(LAST_ALIVE, ""))
        gap.set("until", now)
    alive.set(LAST_ALIVE, now)


def last_gap(runtime: Runtime) -> tuple[datetime | None, datetime]:
    """Return from when to when the unit was off before the current boot; the start is None if it never ran before."""
    gap = runtime.stores.volatile(GAP)
    until = _parse_time(gap.get("until"))
    if until is None:
        return _parse_time(runtime.stores.persistent(CACHE + "_alive").get(LAST_ALIVE)), runtime.clock.now()
    return _parse_time(gap.get("since")), until


def _parse_time(text: object) -> datetime | None:
    return structs.from_timestamp(text) if isinstance(text, str) and text else None
