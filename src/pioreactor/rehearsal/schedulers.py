"""Where the runs of a rehearsal are carried out: in this process, or in processes on all cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import Final, NamedTuple, Protocol

import msgspec

from pioreactor.experiment_profiles.rehearsal_data import RunRecord
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan
from pioreactor.rehearsal.one_run import STEP_S, rehearse_once

_POLL_S: Final = 0.2

Progress = Callable[[float], bool]
"""Takes the share that is done, 0–1, and returns whether to continue."""


class Scheduler(Protocol):
    """Carries out the runs of a plan somewhere. What it returns does not depend on where, nor on the order."""

    def __call__(self, plan: RehearsalPlan, progress: Progress, /) -> Iterator[RunRecord]: ...


def in_this_process(plan: RehearsalPlan, progress: Progress) -> Iterator[RunRecord]:
    """Carry out the runs one after another."""
    steps = plan.hours * 3600.0 / STEP_S
    for number in range(plan.runs):
        done = [0.0]

        def step(number: int = number, done: list[float] = done) -> bool:
            done[0] += 1.0
            return progress((number + min(1.0, done[0] / steps)) / plan.runs)

        record = rehearse_once(plan, number, step)
        if not progress((number + 1) / plan.runs):
            return
        yield record


class _Shared(NamedTuple):
    """What the processes of one rehearsal share."""

    canceled: Event
    steps: Synchronized[int]
    """Steps of all runs together."""


_shared: _Shared | None = None


def _remember(canceled: Event, steps: Synchronized[int]) -> None:
    global _shared
    _shared = _Shared(canceled, steps)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says what is canceled


def _end_with_parent() -> None:
    """End this process when its parent was killed, and so does not end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _continues() -> bool:
    return _shared is None or not _shared.canceled.is_set()


def _step() -> bool:
    """Count a step of a run; return whether it continues."""
    if _shared is not None:
        with _shared.steps.get_lock():
            _shared.steps.value += 1
    return _continues()


def _in_worker(plan: bytes, number: int) -> RunRecord | None:
    record = rehearse_once(msgspec.json.decode(plan, type=RehearsalPlan), number, _step)
    return record if _continues() else None


class Processes:
    """Carries out the runs in processes of this machine, one for each core unless said otherwise."""

    def __init__(self, count: int | None = None) -> None:
        self.count = len(os.sched_getaffinity(0)) if count is None else count

    def __call__(self, plan: RehearsalPlan, progress: Progress) -> Iterator[RunRecord]:
        count = min(self.count, plan.runs)
        if count == 1:
            yield from in_this_process(plan, progress)
            return
        spawning = multiprocessing.get_context("spawn")
        canceled, steps = spawning.Event(), spawning.Value("q", 0)
        of_all = plan.runs * plan.hours * 3600.0 / STEP_S
        encoded = msgspec.json.encode(plan)
        with ProcessPoolExecutor(count, mp_context=spawning, initializer=_remember, initargs=(canceled, steps)) as pool:
            waiting = {pool.submit(_in_worker, encoded, number) for number in range(plan.runs)}
            try:
                while waiting:
                    ended, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                    yield from _finished(ended)
                    if not progress(max(min(0.99, steps.value / of_all), 1.0 - len(waiting) / plan.runs)):
                        return
            finally:
                canceled.set()
                pool.shutdown(cancel_futures=True)


def _finished(ended: Iterable[Future[RunRecord | None]]) -> Iterator[RunRecord]:
    """Yield the records of runs that were not canceled."""
    return (record for one in ended if (record := one.result()) is not None)
