"""Termination of processes: a signal they can handle first, SIGKILL for those that have not ended in time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence

from pioreactor.processes.liveness import is_alive

POLL_INTERVAL_S = 0.05


def interrupt(pid: int) -> None:
    """Send SIGINT, as Ctrl-C does. Raise `ProcessLookupError` for no such process, `PermissionError` if not allowed."""
    os.kill(pid, signal.SIGINT)


def terminate(
    processes: Sequence[subprocess.Popen[bytes]], *, patience_s: float, first: signal.Signals = signal.SIGTERM
) -> None:
    """Signal children that still run, wait for `patience_s` in total, then kill the rest. All are reaped."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(first)
    deadline = time.monotonic() + patience_s
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def interrupt_then_kill(pids: Iterable[int], *, patience_s: float) -> None:
    """Send SIGINT to processes that are not children, and SIGKILL to those that have not ended after `patience_s`."""
    known = set(pids)
    for number in (signal.SIGINT, signal.SIGKILL):
        alive = {pid for pid in known if is_alive(pid, None)}
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience_s
        while any(is_alive(pid, None) for pid in alive) and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL_S)
