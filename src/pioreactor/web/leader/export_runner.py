"""Exports as processes of their own: the web server keeps its memory, and one that is stopped leaves nothing."""

import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from pioreactor.exc import NotFoundError, PioreactorError, StoppedError
from pioreactor.exports.archive import Progress
from pioreactor.exports.exporter import ExportedArchive
from pioreactor.exports.request import ExportRequest
from pioreactor.processes.launch import failure_of, inherited, launch
from pioreactor.processes.reporting_process import NewLines, end_process
from pioreactor.structs.encoding import to_timestamp

POLL_S = 0.25
_COMMAND = ("export_experiment_data", "--json-progress")


class ExportFailedError(PioreactorError):
    """The export ended with an error."""

    code = "export_failed"
    status = 409


class ExportDone(msgspec.Struct):
    """Result of an export; the archive is at `/exports/<filename>`."""

    result: bool
    filename: str
    msg: str
    rows: int
    size_bytes: int


@dataclass
class ExportRunner:
    """Runs one export at a time: `command` with the options of a request, and a part of `environment`."""

    command: Sequence[str]
    environment: Mapping[str, str]
    pause: Callable[[float], bool]
    """Waits; returns True when the server is shutting down."""
    progress: Progress | None = field(default=None, init=False)
    """Of the export that runs; None when there is none, or it has not begun to write."""
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _running: bool = field(default=False, init=False)

    def is_running(self) -> bool:
        return self._running

    def stop(self) -> None:
        """Stop the export that runs; raise `NotFoundError` when there is none."""
        if not self._running:
            raise NotFoundError("no export is in progress")
        self._stopping.set()

    def run(self, request: ExportRequest) -> ExportDone:
        """Export datasets and wait for the end; raise `StoppedError` or `ExportFailedError`."""
        return self._run(arguments_of(request))

    def run_archive(self, experiment: str) -> ExportDone:
        """Archive a whole experiment and wait for the end; raise as `run` does."""
        return self._run([*_COMMAND, f"--experiment={experiment}", "--archive"])

    def _run(self, arguments: Sequence[str]) -> ExportDone:
        self._stopping.clear()
        self.progress, self._running = None, True
        try:
            with tempfile.TemporaryFile() as output:
                exported = self._wait(self._start(arguments, output), output)
        finally:
            self.progress, self._running = None, False
        name, message = Path(exported.path).name, " ".join([f"Exported {exported.rows} rows.", *exported.problems])
        return ExportDone(True, name, message, exported.rows, exported.size_bytes)

    def _start(self, arguments: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        argv = [*self.command, *arguments]
        try:
            return launch(argv, inherited(self.environment), stdout=output, stderr=subprocess.STDOUT)
        except (OSError, ValueError) as error:
            raise ExportFailedError(f"the export could not be started: {error}") from error

    def _wait(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> ExportedArchive:
        lines = NewLines(output)
        exported: ExportedArchive | None = None
        is_running = True
        while is_running:
            # Asked first: what is printed before the end is then read after it.
            is_running = process.poll() is None
            for line in lines.take():
                if line.startswith(b'{"dataset"'):
                    self.progress = msgspec.json.decode(line, type=Progress)
                elif line.startswith(b'{"path"'):
                    exported = msgspec.json.decode(line, type=ExportedArchive)
            if is_running and (self.pause(POLL_S) or self._stopping.is_set()):
                end_process(process)
                raise StoppedError("the export was stopped", remedy="Nothing of it is left.")
        if process.returncode != 0 or exported is None:
            output.seek(0)
            failure = failure_of(output.read(), process.returncode)
            raise ExportFailedError(failure.message, remedy=failure.remedy)
        return exported


def arguments_of(request: ExportRequest) -> list[str]:
    """Return the arguments of `pio run` for a request."""
    by_experiment = "--partition-by-experiment" if request.partition_by_experiment else "--no-partition-by-experiment"
    arguments = [*_COMMAND, by_experiment, f"--format={request.format}"]
    arguments += [f"--experiment={request.experiment}", *(f"--dataset-name={name}" for name in request.datasets)]
    arguments += [f"--unit={unit}" for unit in request.units or ()]
    if request.partition_by_unit:
        arguments.append("--partition-by-unit")
    for option, moment in (("--start-time", request.start_time), ("--end-time", request.end_time)):
        if moment is not None:
            arguments.append(f"{option}={to_timestamp(moment)}")
    return arguments
