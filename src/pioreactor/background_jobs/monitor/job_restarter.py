"""Restart of jobs whose process died without a stop, by the policies in `[resume]`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pioreactor.jobs import restart_policy
from pioreactor.jobs.restart_policy import DesiredJob
from pioreactor.runtime.context import Runtime

SEEN_CACHE: Final = "seen_running"
"""Volatile cache: after a reboot `pio resume` restarts the jobs."""
PATIENCE: Final = 2
"""Consecutive checks that must miss a job: one that is being replaced is missed once."""
RESTART_DELAYS_S: Final = (0.0, 60.0, 300.0, 900.0, 3600.0)
"""Delays before the first, second, … attempt in a row; the last one applies to all later ones."""
RECOVERED_AFTER_S: Final = 120.0
"""A restarted job that has run for so long counts as recovered."""


@dataclass
class _MissingJob:
    misses: int = 0
    attempts: int = 0
    tried_at_s: float = float("-inf")
    poll: Callable[[], int | None] | None = None


class JobRestarter:
    """Compares desired and running jobs; the monitor calls `check` every few seconds."""

    def __init__(self, runtime: Runtime, log: Callable[[int, str], None]) -> None:
        """`log` takes a level of `logging` and a sentence."""
        self._runtime = runtime
        self._log = log
        self._missed: dict[str, _MissingJob] = {}

    def check(self) -> None:
        """Start desired jobs that ran and do not run any more."""
        if self._runtime.launch_job is None:
            return
        running = {record.job_name for record in self._runtime.stores.jobs().running()}
        seen = self._runtime.stores.volatile(SEEN_CACHE)
        desired = {job.job_name: job for job in restart_policy.desired_jobs(self._runtime)}
        for name, job in desired.items():
            if name in running:
                seen.set_if_absent(name, 1)
                self._on_running(name)
            elif seen.get(name) is not None:
                self._on_missing(job)
        for name in set(self._missed) - set(desired):
            del self._missed[name]
        for known, _ in seen.items():
            if known not in desired:
                seen.pop(known)

    def _on_running(self, name: str) -> None:
        missed = self._missed.get(name)
        if missed is None:
            return
        if missed.poll is not None:
            missed.poll()
        missed.misses = 0
        if self._runtime.clock.monotonic() - missed.tried_at_s > RECOVERED_AFTER_S:
            del self._missed[name]

    def _on_missing(self, job: DesiredJob) -> None:
        missed = self._missed.setdefault(job.job_name, _MissingJob())
        missed.misses += 1
        now_s = self._runtime.clock.monotonic()
        pause_s = RESTART_DELAYS_S[min(missed.attempts, len(RESTART_DELAYS_S) - 1)]
        if missed.misses < PATIENCE or now_s - missed.tried_at_s < pause_s:
            return
        policy = restart_policy.policy_for(self._runtime, job.job_name)
        if policy == "ask":
            if missed.attempts == 0:
                self._log(
                    logging.WARNING,
                    f"{job.job_name} ended unexpectedly. Start it again, or remove it with "
                    f"`pio kill --job-name {job.job_name}`.",
                )
        else:
            self._start(job, missed)
        missed.attempts += 1
        missed.tried_at_s = now_s
        missed.misses = 0

    def _start(self, job: DesiredJob, missed: _MissingJob) -> None:
        environment = restart_policy.environment_to_resume(self._runtime, job)
        held = "PIOREACTOR_START_SLEEPING" in environment
        how = "restarting it paused: check the reactor, then resume it" if held else "restarting it"
        again = "" if missed.attempts == 0 else f" again (attempt {missed.attempts + 1})"
        self._log(logging.WARNING, f"{job.job_name} ended unexpectedly{again}; {how}.")
        assert self._runtime.launch_job is not None
        try:
            missed.poll = self._runtime.launch_job(job.argv, environment)
        except OSError as error:
            self._log(logging.ERROR, f"{job.job_name} could not be restarted: {error}.")
