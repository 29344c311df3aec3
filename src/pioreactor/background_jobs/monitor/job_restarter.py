"""Brings back jobs that died although nobody stopped them, as `[resume]` says: a reactor is left alone for weeks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pioreactor.jobs import restart_policy
from pioreactor.jobs.restart_policy import DesiredJob
from pioreactor.runtime.context import Runtime

SEEN: Final = "seen_running"
"""Volatile: after a reboot, bringing back what ran is the business of `pio resume`."""
PATIENCE: Final = 2
"""How many looks in a row must miss a job: one that is being replaced is missed once."""
PAUSES_S: Final = (0.0, 60.0, 300.0, 900.0, 3600.0)
"""Before the first, second, … attempt in a row; the last one counts for all later ones."""
LIVES_S: Final = 120.0
"""A job that lived so long since it was started again had no reason to die at once."""


@dataclass
class _Missed:
    looks: int = 0
    attempts: int = 0
    tried_at_s: float = float("-inf")
    poll: Callable[[], int | None] | None = None


class Revival:
    """Looked at by the monitor every few seconds."""

    def __init__(self, runtime: Runtime, say: Callable[[int, str], None]) -> None:
        """`say` takes a level of `logging` and a sentence."""
        self._runtime = runtime
        self._say = say
        self._missed: dict[str, _Missed] = {}

    def look(self) -> None:
        """Compare what should run with what does, and start what died."""
        if self._runtime.launch_job is None:
            return
        running = {record.job_name for record in self._runtime.stores.jobs().running()}
        seen = self._runtime.stores.volatile(SEEN)
        wanted = {job.job_name: job for job in restart_policy.desired_jobs(self._runtime)}
        for name, job in wanted.items():
            if name in running:
                seen.set_if_absent(name, 1)
                self._well(name)
            elif seen.get(name) is not None:
                self._missing(job)
        for name in set(self._missed) - set(wanted):
            del self._missed[name]
        for known, _ in seen.items():
            if known not in wanted:
                seen.pop(known)

    def _well(self, name: str) -> None:
        missed = self._missed.get(name)
        if missed is None:
            return
        if missed.poll is not None:
            missed.poll()
        missed.looks = 0
        if self._runtime.clock.monotonic() - missed.tried_at_s > LIVES_S:
            del self._missed[name]

    def _missing(self, job: DesiredJob) -> None:
        missed = self._missed.setdefault(job.job_name, _Missed())
        missed.looks += 1
        now_s = self._runtime.clock.monotonic()
        pause_s = PAUSES_S[min(missed.attempts, len(PAUSES_S) - 1)]
        if missed.looks < PATIENCE or now_s - missed.tried_at_s < pause_s:
            return
        policy = restart_policy.policy_for(self._runtime, job.job_name)
        if policy == "ask":
            if missed.attempts == 0:
                self._say(
                    logging.WARNING,
                    f"{job.job_name} died without a word. Start it again, or forget it with "
                    f"`pio kill --job-name {job.job_name}`.",
                )
        else:
            self._start(job, missed)
        missed.attempts += 1
        missed.tried_at_s = now_s
        missed.looks = 0

    def _start(self, job: DesiredJob, missed: _Missed) -> None:
        environment = restart_policy.environment_to_resume(self._runtime, job)
        held = "PIOREACTOR_START_SLEEPING" in environment
        how = "it is started again, paused: see that all is well, then resume it" if held else "it is started again"
        again = "" if missed.attempts == 0 else f" once more (attempt {missed.attempts + 1})"
        self._say(logging.WARNING, f"{job.job_name} died without a word{again}; {how}.")
        assert self._runtime.launch_job is not None
        try:
            missed.poll = self._runtime.launch_job(job.argv, environment)
        except OSError as error:
            self._say(logging.ERROR, f"{job.job_name} could not be started again: {error}.")
