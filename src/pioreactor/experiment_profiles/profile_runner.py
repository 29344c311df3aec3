"""Execution of a profile: one thread for each unit, progress stored on disk, outcome reported."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from enum import Enum

from pioreactor import structs
from pioreactor.clock.ports import Clock, Signal, Task
from pioreactor.exc import PioreactorError
from pioreactor.experiment_profiles.checkpoint import CheckpointStore, Outcome, RunProgress, UnitProgress
from pioreactor.experiment_profiles.ports import Cluster
from pioreactor.experiment_profiles.profile_struct import Profile, read_profile
from pioreactor.experiment_profiles.unit_runner import UnitRunner
from pioreactor.observability.log import NOTICE

WORKER_CHECK_INTERVAL_S = 30.0


class RunOutcome(Enum):
    FINISHED = "finished"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    """The machine is shutting down: jobs keep running, and the run continues after the restart."""


class ProfileRunner:
    """One run of a profile over the workers of an experiment.

    A worker that joins the experiment later runs the actions that are still pending. An interrupted run continues
    where it was when it is constructed again with the same progress.
    """

    def __init__(
        self,
        progress: RunProgress,
        store: CheckpointStore,
        *,
        cluster: Cluster,
        clock: Clock,
        stop: Signal,
        log: Callable[[int, str], None],
        on_action_count: Callable[[int], None],
        random: Callable[[], float],
        keeps_progress: Callable[[], bool] = lambda: False,
    ) -> None:
        """`log` takes a level of `logging` and a message; `on_action_count` is called with the number of actions run.

        `keeps_progress` returns, when the run is stopped, whether it will be continued later.
        """
        self.profile: Profile = read_profile(progress.profile)
        self.experiment = progress.experiment
        self.cluster = cluster
        self.stop = stop
        self.random = random
        self._progress = progress
        self._store = store
        self._clock = clock
        self._log = log
        self._on_action_count = on_action_count
        self._keeps_progress = keeps_progress
        self._started_s = clock.monotonic() - self._time_since_start_s()
        self._runners: dict[str, UnitRunner] = {}
        self._tasks: list[Task] = []
        self._lock = threading.Lock()
        """Unit runners are threads. Nothing blocks while it is held."""

    def _time_since_start_s(self) -> float:
        """Return the time since the profile started, including time without power by the wall clock."""
        if not self._progress.noted_at:
            return 0.0
        away_s = (self._clock.now() - structs.from_timestamp(self._progress.noted_at)).total_seconds()
        return self._progress.elapsed_s + max(0.0, away_s)

    # ---- used by unit runners ------------------------------------------------------------------------------

    def elapsed_s(self) -> float:
        return self._clock.monotonic() - self._started_s

    def count_action(self) -> int:
        with self._lock:
            self._progress.action_count += 1
            self._on_action_count(self._progress.action_count)
            return self._progress.action_count

    def count_outcome(self, outcome: Outcome, reason: str = "", number: int = 1) -> None:
        with self._lock:
            self._progress.count(outcome, reason, number)

    def save(self, unit: str, progress: UnitProgress) -> None:
        with self._lock:
            self._store.save_unit(unit, progress)
            self._save_run()

    def log(self, level: int, message: str) -> None:
        with self._lock:
            self._log(level, message)

    def _save_run(self) -> None:
        self._progress.elapsed_s = self.elapsed_s()
        self._progress.noted_at = structs.to_timestamp(self._clock.now())
        self._store.save_run(self._progress)

    # ---- the run -------------------------------------------------------------------------------------------

    def run(self) -> RunOutcome:
        """Run the profile; return when it has finished or was stopped."""
        stored = self._store.load_units()
        self._save_run()
        self._start_units(stored)
        self._wait_for_units()
        for task in self._tasks:
            task.join()
        if self.stop.is_set() and self._keeps_progress():
            return RunOutcome.INTERRUPTED
        if self.stop.is_set():
            self._stop_started_jobs()
            self._store.delete()
            return RunOutcome.STOPPED
        self._store.delete()
        return RunOutcome.FINISHED

    def _wait_for_units(self) -> None:
        """Wait until all unit runners have ended or the run is stopped; check for workers that join meanwhile."""
        checked_s = self.elapsed_s()
        while any(task.is_alive() for task in self._tasks) and not self.stop.wait(1.0):
            if self.elapsed_s() - checked_s >= WORKER_CHECK_INTERVAL_S:
                checked_s = self.elapsed_s()
                self._start_joined_units()

    def _start_units(self, stored: Mapping[str, UnitProgress]) -> None:
        present = self.cluster.active_workers()
        for unit, block in self.profile.pioreactors.items():
            if unit not in present and unit not in stored:
                self.log(
                    logging.WARNING, f"{unit} is not an active worker of {self.experiment}; its actions are skipped."
                )
                number = sum(len(job.actions) for job in block.jobs.values())
                self.count_outcome("skipped", f"{unit} is not an active worker", number)
            elif block.label and unit not in stored:
                self._label(unit, block.label)
        for unit in sorted({*present, *stored}):
            runner = UnitRunner(unit, self, stored.get(unit, UnitProgress()))
            if unit not in stored:
                runner.plan()
            self._start_runner(runner)

    def _start_joined_units(self) -> None:
        try:
            present = self.cluster.active_workers()
        except PioreactorError as error:
            logging.getLogger(__name__).debug("cannot list the active workers at present: %s", error)
            return
        for unit in present:
            if unit in self._runners:
                continue
            runner = UnitRunner(unit, self)
            missed = runner.plan(missed_before_s=self.elapsed_s())
            if missed:
                self.count_outcome("skipped", f"due before {unit} joined", missed)
            if missed or runner.progress.pending:
                self.log(
                    NOTICE,
                    f"{unit} joins while the profile runs: {missed} actions that were due before are skipped, "
                    f"{len(runner.progress.pending)} are pending.",
                )
            self._start_runner(runner)

    def _start_runner(self, runner: UnitRunner) -> None:
        self._runners[runner.unit] = runner
        self.save(runner.unit, runner.progress)
        self._tasks.append(self._clock.spawn(runner.run_actions, name=f"profile on {runner.unit}"))

    def _label(self, unit: str, label: str) -> None:
        try:
            self.cluster.label(unit, label)
        except PioreactorError as error:
            self.log(logging.WARNING, f"{unit} could not be labeled {label!r}: {error}.")

    def _stop_started_jobs(self) -> None:
        for unit, runner in self._runners.items():
            try:
                runner.switch_off_leds()
            except PioreactorError as error:
                self.log(logging.ERROR, f"LEDs of {unit} that the profile switched on stay on: {error}.")
        try:
            self.cluster.stop_jobs_of(self._progress.source, sorted(self._runners))
        except PioreactorError as error:
            self.log(logging.ERROR, f"Not all jobs of the profile could be stopped: {error}.")
