"""What should run on a unit, remembered across power cuts: stopping a job by intent ends the wish, a crash does not."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime

import msgspec

from pioreactor import structs
from pioreactor.runtime.context import Runtime

CACHE = "desired_jobs"
LAST_ALIVE = "last_alive"
GAP = "desired_jobs_gap"
"""Volatile: `since` and `until`, between which the computer was off before it was started."""

command_words: ContextVar[tuple[str, ...]] = ContextVar("pioreactor_command_words", default=())
"""What stood after `pio run` for the code that runs now; empty for a script, whose jobs nobody can start again."""


class DesiredJob(msgspec.Struct, frozen=True):
    """A job that somebody started and nobody stopped."""

    job_name: str
    experiment: str
    words: tuple[str, ...]
    """What to say after `pio run` to have it again."""
    started_at: str
    state: str
    """`ready`, or `sleeping` for one that was paused."""


def wish(runtime: Runtime, job: DesiredJob) -> None:
    """Remember that a job should run, in a state."""
    runtime.stores.persistent(CACHE).set(job.job_name, msgspec.json.encode(job).decode())


def end_wish(runtime: Runtime, job_name: str) -> None:
    """Somebody wants it to stop."""
    runtime.stores.persistent(CACHE).pop(job_name)


def wishes(runtime: Runtime) -> list[DesiredJob]:
    """Return what should run on this unit; an entry that cannot be read is dropped."""
    cache = runtime.stores.persistent(CACHE)
    found = []
    for name, text in cache.items():
        try:
            found.append(msgspec.json.decode(text if isinstance(text, str | bytes) else b"", type=DesiredJob))
        except msgspec.DecodeError:
            cache.pop(name)
    return sorted(found, key=lambda job: job.started_at)


def policy_for(runtime: Runtime, job_name: str) -> str:
    """Return what becomes of a job that was interrupted: `resume`, `hold` or `ask`."""
    policies = runtime.settings.resume
    return str(getattr(policies, job_name, policies.other_jobs))


def environment_to_resume(runtime: Runtime, job: DesiredJob) -> dict[str, str]:
    """Return what the environment of a job says that goes on with what was interrupted, perhaps paused."""
    environment = {"EXPERIMENT": job.experiment, "JOB_SOURCE": "resume", "PIOREACTOR_RESUMED": "1"}
    if policy_for(runtime, job.job_name) == "hold" or job.state == "sleeping":
        environment["PIOREACTOR_START_SLEEPING"] = "1"
    return environment


def note_alive(runtime: Runtime) -> None:
    """Remember that the unit lives at this moment; the first note after a start of the computer keeps the gap."""
    alive = runtime.stores.persistent(CACHE + "_alive")
    gap = runtime.stores.volatile(GAP)
    now = structs.to_timestamp(runtime.clock.now())
    if gap.get("until") is None:
        gap.set("since", alive.get(LAST_ALIVE, ""))
        gap.set("until", now)
    alive.set(LAST_ALIVE, now)


def last_gap(runtime: Runtime) -> tuple[datetime | None, datetime]:
    """Return from when to when the unit was off before this start of the computer; None when it had never lived."""
    gap = runtime.stores.volatile(GAP)
    until = _moment(gap.get("until"))
    if until is None:
        return _moment(runtime.stores.persistent(CACHE + "_alive").get(LAST_ALIVE)), runtime.clock.now()
    return _moment(gap.get("since")), until


def _moment(text: object) -> datetime | None:
    return structs.from_timestamp(text) if isinstance(text, str) and text else None
