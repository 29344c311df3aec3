"""The same work on many items in processes of this machine: results as they are ready, progress, and canceling."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import Final, NamedTuple, TypeVar

_POLL_S: Final = 0.2

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[float], bool]
"""Takes the share that is done, 0–1, and returns whether to continue."""


class _Shared(NamedTuple):
    """What the processes of one pool share."""

    canceled: Event
    steps: Synchronized[int]
    """Steps of all items together."""


_shared: _Shared | None = None


def processes_for(items: int, count: int | None) -> int:
    """Return how many processes to use: `count`, or one for each core, and not more than there are items."""
    return min(len(os.sched_getaffinity(0)) if count is None else count, items)


def step() -> bool:
    """Count a step of the work on an item; return whether it continues. What canceled work returns is not used."""
    if _shared is None:
        return True
    with _shared.steps.get_lock():
        _shared.steps.value += 1
    return not _shared.canceled.is_set()


def results_of(
    work: Callable[[Item], Result], items: Sequence[Item], *, count: int, steps: float, progress: Progress
) -> Iterator[Result]:
    """Yield what `work` returns for each item, in the order in which they end; both must be picklable.

    `steps` is how often the work on all items calls `step`. Ends early when `progress` says so. An exception of `work`
    cancels the rest and is raised.
    """
    spawning = multiprocessing.get_context("spawn")
    canceled, done = spawning.Event(), spawning.Value("q", 0)
    with ProcessPoolExecutor(count, mp_context=spawning, initializer=_remember, initargs=(canceled, done)) as pool:
        waiting = {pool.submit(work, item) for item in items}
        try:
            while waiting:
                ended, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in ended)
                if not progress(max(min(0.99, done.value / steps), 1.0 - len(waiting) / len(items))):
                    return
        finally:
            canceled.set()
            pool.shutdown(cancel_futures=True)


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
