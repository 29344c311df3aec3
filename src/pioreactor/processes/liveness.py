"""Liveness of processes, identified by number and start time: numbers are used again after a process ends."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` and `pathlib` are not imported for it: `pio jobs list` asks whether jobs are alive
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PROC = "/proc"
_STATE, _START_TIME = 0, 19
"""Positions in `/proc/<pid>/stat` counted after the command's closing bracket (proc(5))."""


def process_started_at(pid: int) -> float | None:
    """Return the kernel's start time of a living process [clock ticks since boot], None when dead or unknown."""
    try:
        with open(f"{_PROC}/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            text = file.read()
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
    if not os.path.exists(f"{_PROC}/self"):  # noqa: PTH110
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


def job_processes(dot_pioreactor: Path) -> dict[int, str]:
    """Return the living processes of jobs (`pio run NAME`) of the unit with this folder, with the names of the jobs.

    They are found by their command line and environment: no file of the unit is needed.
    """
    from pathlib import Path

    found: dict[int, str] = {}
    for process in Path(_PROC).glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended, or belongs to another user
        folder = f"DOT_PIOREACTOR={dot_pioreactor}".encode()
        is_default = dot_pioreactor == Path.home() / ".pioreactor"
        is_of_unit = folder in variables or (
            is_default and not any(one.startswith(b"DOT_PIOREACTOR=") for one in variables)
        )
        if is_of_unit and (name := _name_of_job(words)):
            found[int(process.name)] = name
    return found


def _name_of_job(words: list[str]) -> str:
    """Return the name in `… pio run NAME` or `… -m pioreactor.cli.main run NAME`; blank for other commands."""
    for first, second, name in zip(words, words[1:], words[2:], strict=False):
        if second == "run" and (first == "pioreactor.cli.main" or first.rpartition("/")[2] == "pio"):
            return name
    return ""


def folder_of_unit(environment: Mapping[str, str]) -> Path:
    """Return the folder of the unit that a process with this environment belongs to, as `job_processes` sees it."""
    from pathlib import Path

    named = environment.get("DOT_PIOREACTOR", "")
    return Path(named) if named else Path.home() / ".pioreactor"


def boot_id() -> str:
    """Return the kernel's identifier of this boot; blank where it has none."""
    try:
        with open(f"{_PROC}/sys/kernel/random/boot_id", encoding="utf-8") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return ""
