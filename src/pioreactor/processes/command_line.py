"""The command line of this process as the kernel shows it (`/proc/<pid>/cmdline`): what `ps` prints, and what jobs are
found by when the files of a unit cannot be read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PADDING: Final = " " * 4096
"""Last word of a process that changes its command line later: it can only be replaced by one that is no longer."""

_ARG_START, _ARG_END = 45, 46
"""Positions in `/proc/<pid>/stat` counted after the command's closing bracket (proc(5))."""


def change_command_line(argv: Sequence[str]) -> None:
    """Show these words from now on; those that do not fit are left out. Raise `OSError` where the kernel forbids it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    room, shown = end - start, b""
    for word in argv:
        longer = shown + os.fsencode(word) + b"\0"
        if len(longer) > room:
            break
        shown = longer
    # The words are in memory of this process, which may write it.
    with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        memory.seek(start)
        memory.write(shown.ljust(room, b"\0"))
