"""Programs that report by lines of text while they run, and are ended by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import IO


class NewLines:
    """Complete lines that were appended to a file since the last call."""

    def __init__(self, file: IO[bytes]) -> None:
        self._descriptor = file.fileno()
        self._offset = 0

    def take(self) -> list[bytes]:
        # The child writes at the offset that both share: it must not be moved.
        text = os.pread(self._descriptor, 1_000_000, self._offset)
        end = text.rfind(b"\n") + 1
        self._offset += end
        return text[:end].splitlines()


def end_process(process: subprocess.Popen[bytes], grace_s: float = 10.0) -> None:
    """End a process by SIGTERM and wait for it; kill it when it has not ended after `grace_s` [s]."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
