"""The thread that virtual time belongs to."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class SimulationThread:
    """Runs what it is given, one after another, on a thread of its own.

    Tasks of virtual time are greenlets, which belong to the thread that made them; web servers answer on many threads.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="simulation", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], T]) -> T:
        """Run this on the thread, as main code of virtual time, and return what it returns or raise what it raises."""
        if threading.current_thread() is self._thread:
            return work()
        answer: Future[T] = Future()

        def answered() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001  the caller gets it, on its own thread
                answer.set_exception(error)

        self._calls.put(answered)
        return answer.result()

    def close(self) -> None:
        """End the thread after what was given to it. Idempotent."""
        self._calls.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (work := self._calls.get()) is not None:
            work()
