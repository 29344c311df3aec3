"""The thread that virtual time belongs to."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar, cast

from pioreactor.exc import StoppedError

T = TypeVar("T")


class SimulationThread:
    """Runs what it is given, one after another, on a thread of its own.

    Tasks of virtual time are greenlets, which belong to the thread that made them; web servers answer on many threads.
    """

    def __init__(self) -> None:
        self.spawn: Callable[[Callable[[], None]], object] | None = None
        """Starts a task of virtual time; set where time passes by itself, so that calls wait for it."""
        self._waiting: set[Future[object]] = set()
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="simulation", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], T]) -> T:
        """Run this on the thread, as main code of virtual time, and return what it returns or raise what it raises."""
        if threading.current_thread() is self._thread:
            return work()
        answer: Future[T] = Future()
        self._calls.put(lambda: _answer(answer, work))
        return answer.result()

    def wait(self, work: Callable[[], T]) -> T:
        """Run what may wait in virtual time: as main code, which lets time pass, else as a task, while time passes."""
        if self.spawn is None or threading.current_thread() is self._thread:
            return self.call(work)
        answer: Future[object] = Future()
        spawn = self.spawn
        self._waiting.add(answer)
        try:
            self.call(lambda: spawn(lambda: _answer(answer, work)))
            return cast(T, answer.result())
        finally:
            self._waiting.discard(answer)

    def give_up(self) -> None:
        """Raise `StoppedError` in each `wait`: time passes no more."""
        self.spawn = None
        self.call(self._refuse_waiting)

    def _refuse_waiting(self) -> None:
        for answer in list(self._waiting):
            if not answer.done():
                answer.set_exception(StoppedError("the simulation has ended"))

    def close(self) -> None:
        """End the thread after what was given to it. Idempotent."""
        self._calls.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (work := self._calls.get()) is not None:
            work()


def _answer(answer: Future[T], work: Callable[[], T]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  the caller gets it, on its own thread
        if not answer.done():
            answer.set_exception(error)
    else:
        if not answer.done():
            answer.set_result(result)
