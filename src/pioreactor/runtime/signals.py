"""A signal to the process stops its jobs: outputs first, in the order opposite to their start."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from pioreactor.runtime.context import Runtime


class Stoppable(Protocol):
    """What can be asked to end."""

    def clean_up(self) -> None: ...


SECONDS_TO_UNWIND = 2.0

_running: list[Stoppable] = []
_installed = False
_terminating = False
_unwinds = True
_number: int | None = None


def computer_is_shutting_down() -> bool:
    """Say whether the process was told to end by SIGTERM or SIGHUP, as a shutdown does; people and `pio` use SIGINT."""
    return _number in (signal.SIGTERM, signal.SIGHUP)


def stop_on_signal(runtime: Runtime, job: Stoppable) -> None:
    """End this when the process is told to; does nothing where the process is not ours (tests, virtual time)."""
    global _installed
    if not runtime.handles_signals or threading.current_thread() is not threading.main_thread():
        return
    _running.append(job)
    if not _installed:
        _installed = True
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _terminate)


@contextmanager
def asked_to_end() -> Iterator[None]:
    """Within the block a signal asks the jobs to end (`clean_up`), and the main thread ends them in order.

    The process exits at the end of the block as it otherwise does at the signal.
    """
    global _unwinds
    _unwinds = False
    try:
        yield
    finally:
        _unwinds = True
    if _number is not None:
        raise SystemExit(_exit_code(_number))


def unregister(job: Stoppable) -> None:
    """The job has ended by itself."""
    if job in _running:
        _running.remove(job)


def _terminate(number: int, _frame: FrameType | None) -> None:
    """Unwind the main thread once; further signals are ignored so that the clean-up is not disturbed."""
    global _terminating, _number
    if _terminating:
        return
    _terminating = True
    _number = number
    if not _unwinds:
        # Not here: the main thread, which this handler interrupts, may hold the lock of what is set.
        threading.Thread(target=stop_all, name="ending", daemon=True).start()
        return
    threading.Thread(target=_end_what_lives_on, name="ending", daemon=True).start()
    raise SystemExit(_exit_code(number))


def _exit_code(number: int) -> int:
    return 0 if number == signal.SIGTERM else 128 + number


def _end_what_lives_on() -> None:
    """End the jobs should the main thread not do it: Python drops what is raised while it runs a finalizer."""
    time.sleep(SECONDS_TO_UNWIND)
    stop_all()


def stop_all() -> None:
    """End what is still running, the newest first. The command line calls it on its way out."""
    for job in reversed(list(_running)):
        job.clean_up()
