"""Where the runs of a rehearsal are carried out: in this process, or in processes on all cores."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Protocol

import msgspec

from pioreactor.experiment_profiles.rehearsal_data import RunRecord
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan
from pioreactor.processes.worker_pool import Progress, processes_for, results_of, step
from pioreactor.rehearsal.one_run import STEP_S, rehearse_once


class Scheduler(Protocol):
    """Carries out the runs of a plan somewhere. What it returns does not depend on where, nor on the order."""

    def __call__(self, plan: RehearsalPlan, progress: Progress, /) -> Iterator[RunRecord]: ...


def in_this_process(plan: RehearsalPlan, progress: Progress) -> Iterator[RunRecord]:
    """Carry out the runs one after another."""
    steps = plan.hours * 3600.0 / STEP_S
    for number in range(plan.runs):
        done = [0.0]

        def go_on(number: int = number, done: list[float] = done) -> bool:
            done[0] += 1.0
            return progress((number + min(1.0, done[0] / steps)) / plan.runs)

        record = rehearse_once(plan, number, go_on)
        if not progress((number + 1) / plan.runs):
            return
        yield record


def _in_worker(plan: bytes, number: int) -> RunRecord:
    return rehearse_once(msgspec.json.decode(plan, type=RehearsalPlan), number, step)


class Processes:
    """Carries out the runs in processes of this machine, one for each core unless said otherwise."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count

    def __call__(self, plan: RehearsalPlan, progress: Progress) -> Iterator[RunRecord]:
        count = processes_for(plan.runs, self.count)
        if count == 1:
            yield from in_this_process(plan, progress)
            return
        steps = plan.runs * plan.hours * 3600.0 / STEP_S
        work = partial(_in_worker, msgspec.json.encode(plan))
        yield from results_of(work, range(plan.runs), count=count, steps=steps, progress=progress)
