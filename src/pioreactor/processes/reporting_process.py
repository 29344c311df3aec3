"""Programs that report by lines of text while they run, and are ended by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final

from pioreactor.processes.launch import Failure, failure_of, inherited, launch

POLL_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended: whether it was stopped, and why it failed, where it did."""

    exit_code: int
    was_stopped: bool
    failure: Failure


@dataclass(frozen=True)
class ReportingProcess:
    """A program that is started with a part of this process's variables, and ended after a request to stop.

    `pause` waits and returns True when this process is to end. `grace_s` is the time that the program has to end [s].
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    pause: Callable[[float], bool]
    grace_s: float = 10.0
    niceness: int = 0

    def run(
        self, arguments: Sequence[str], on_line: Callable[[bytes], object], is_stopping: Callable[[], bool]
    ) -> Ending:
        """Run the program to its end, and call `on_line` with each line that it prints.

        Raise `OSError` or `ValueError` when it cannot be started. It does not outlive the call.
        """
        with tempfile.TemporaryFile() as output:
            argv = [*self.command, *arguments]
            process = launch(argv, inherited(self.environment), stdout=output, stderr=subprocess.STDOUT)
            if self.niceness:
                with suppress(OSError):  # it has ended already
                    os.setpriority(os.PRIO_PROCESS, process.pid, self.niceness)
            try:
                was_stopped = self._follow(process, _NewLines(output), on_line, is_stopping)
            finally:
                if process.poll() is None:
                    _end(process, self.grace_s)
            output.seek(0)
            return Ending(process.returncode, was_stopped, failure_of(output.read(), process.returncode))

    def _follow(
        self,
        process: subprocess.Popen[bytes],
        lines: _NewLines,
        on_line: Callable[[bytes], object],
        is_stopping: Callable[[], bool],
    ) -> bool:
        """Read what is printed until the program ends; return whether it was stopped."""
        is_running, was_stopped = True, False
        while is_running:
            # Asked first: what is printed before the end is then read after it.
            is_running = process.poll() is None
            for line in lines.take():
                on_line(line)
            if is_running and (self.pause(POLL_S) or is_stopping()):
                was_stopped = True
                _end(process, self.grace_s)
        return was_stopped


class _NewLines:
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


def _end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """End a process by SIGTERM and wait for it; kill it when it has not ended after `grace_s` [s]."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
