"""One run of a rehearsal: the units are built, and the profile runs on them in virtual time."""

from __future__ import annotations

import logging
import os
import random
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

from pioreactor import topics
from pioreactor.exc import PioreactorError
from pioreactor.experiment_profiles.checkpoint import RunProgress
from pioreactor.experiment_profiles.profile_runner import ProfileRunner
from pioreactor.experiment_profiles.rehearsal_data import RunRecord
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan, RunningJob
from pioreactor.rehearsal.hazards import HazardLog
from pioreactor.rehearsal.pending_actions import PendingActions
from pioreactor.rehearsal.simulated_units import build, install_calibrations
from pioreactor.rehearsal.simulated_workers import SimulatedWorkers
from pioreactor.rehearsal.vial_watch import VialWatch
from pioreactor.structs import to_timestamp

SOURCE: Final = "rehearsal"
STEP_S: Final = 60.0
"""Interval between two samples of what the units do [s]."""


class Rehearsing:
    """A run; `go` runs it. Time passes in steps, so that it can be canceled."""

    def __init__(self, plan: RehearsalPlan, number: int, data_root: Path) -> None:
        self.plan = plan
        self.record = RunRecord(number)
        self._simulation = build(plan, number, data_root)
        self._clock = self._simulation.clock
        self._log = HazardLog(self._clock, plan.profile)
        self._workers = SimulatedWorkers(self._simulation, plan.experiment, SOURCE, self._log.on_start)
        self._watches = [VialWatch(unit, self._simulation.unit(unit.name), self._log) for unit in plan.units]
        self._stop = self._clock.signal()
        self._pending = PendingActions(self._log)
        bus = self._simulation.broker.connect("hazards")
        bus.subscribe(f"{topics.ROOT}/+/+/logs/#", self._log.on_log)

    def go(self, progress: Callable[[], bool]) -> RunRecord:
        """Run until the profile and its jobs have ended, or the time is over, or `progress` returns False."""
        for watch in self._watches:
            install_calibrations(watch.simulated, watch.unit)
            self._put_in_place(watch.unit.name, watch.unit.running)
        self._log.began_s = self._clock.monotonic()
        runner = self._runner()
        process = self._simulation.units[0].run(runner.run, name="experiment_profile")
        self._sample()
        while self._log.hours < self.plan.hours and progress():
            self._clock.sleep(STEP_S)
            self._sample()
            if not process.is_alive and self._has_ended():
                break
        self._pending.note_left(runner.profile, self.record.hours[-1])
        self._end()
        return self.record

    def _runner(self) -> ProfileRunner:
        return ProfileRunner(
            RunProgress(
                SOURCE, SOURCE, self.plan.profile, self.plan.experiment, SOURCE, to_timestamp(self._clock.now())
            ),
            self._pending,
            cluster=self._workers,
            clock=self._clock,
            stop=self._stop,
            log=self._on_profile_log,
            on_action_count=lambda _count: None,
            random=random.Random(f"{self.plan.seed}/{self.record.number}/profile").random,
        )

    def _on_profile_log(self, level: int, message: str) -> None:
        if level >= logging.ERROR:
            self._log.on_profile_log(message, self._workers.active_workers())

    def _put_in_place(self, unit: str, running: tuple[RunningJob, ...]) -> None:
        """Start jobs that run already; one that cannot be is a hazard, and the rest continues."""
        for each in running:
            try:
                self._workers.start(unit, each.job, options=each.options, args=(), overrides={})
            except PioreactorError as error:
                message = f"{each.job}, which runs at present, cannot be simulated: {error}"
                self._log.add("job_not_started", unit, message)

    def _has_ended(self) -> bool:
        if self.record.finished_at_h is None:
            self.record.finished_at_h = self.record.hours[-1]
        return not any(unit.runtime.stores.jobs().running() for unit in self._simulation.units)

    def _sample(self) -> None:
        self.record.hours.append(round(self._log.hours, 6))
        for watch in self._watches:
            watch.sample()

    def _end(self) -> None:
        self.record.values = {watch.unit.name: watch.values for watch in self._watches}
        self.record.hazards = sorted(self._log.found, key=lambda one: one.at_h)
        self._stop.set()
        for process in [each for unit in self._simulation.units for each in unit.processes]:
            process.kill()


def rehearse_once(plan: RehearsalPlan, number: int, progress: Callable[[], bool]) -> RunRecord:
    """Run a plan once; an error that belongs to no action is the record's `error`, and ends only this run."""
    with (
        tempfile.TemporaryDirectory(prefix="pio-rehearsal-") as folder,
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),  # actions print what they have done
    ):
        try:
            return Rehearsing(plan, number, Path(folder)).go(progress)
        except Exception as error:  # a mistake of a plugin, or of ours, must not take the other runs with it
            logging.getLogger(__name__).debug("run %s of the rehearsal failed", number, exc_info=True)
            return RunRecord(number, error=f"{type(error).__name__}: {error}")
