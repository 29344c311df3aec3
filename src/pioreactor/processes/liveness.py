"""Liveness of processes, identified by number and start time: numbers are used again after a process ends."""

import os
from pathlib import Path

_PROC = Path("/proc")
_STATE, _START_TIME = 0, 19
"""Positions in `/proc/<pid>/stat` counted after the command's closing bracket (proc(5))."""


def process_started_at(pid: int) -> float | None:
    """Return the kernel's start time of a living process [clock ticks since boot], None when dead or unknown."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    if fields[_STATE] in ("Z", "X"):
        return None
    return float(fields[_START_TIME])


def is_alive(pid: int, started_at: float | None) -> bool:
    """Return whether that process is alive; without a start time, whether any process has the number."""
    if pid <= 0:
        return False
    if not (_PROC / "self").exists():
        return _answers_signal(pid)
    found = process_started_at(pid)
    return found is not None and (started_at is None or found == started_at)


def _answers_signal(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def boot_id() -> str:
    """Return the kernel's identifier of this boot; blank where it has none."""
    try:
        return (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return ""
