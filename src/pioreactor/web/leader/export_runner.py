"""Exports as processes of their own: the web server keeps its memory, and one that is stopped leaves nothing."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from pioreactor.exc import NotFoundError, PioreactorError, StoppedError
from pioreactor.exports.archive import Progress
from pioreactor.exports.exporter import ExportedArchive
from pioreactor.exports.request import ExportRequest
from pioreactor.processes.reporting_process import ReportingProcess
from pioreactor.structs.encoding import to_timestamp

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
        process = ReportingProcess(self.command, self.environment, self.pause)
        found: list[ExportedArchive] = []

        def take(line: bytes) -> None:
            if line.startswith(b'{"dataset"'):
                self.progress = msgspec.json.decode(line, type=Progress)
            elif line.startswith(b'{"path"'):
                found.append(msgspec.json.decode(line, type=ExportedArchive))

        try:
            ending = process.run(arguments, take, self._stopping.is_set)
        except (OSError, ValueError) as error:
            raise ExportFailedError(f"the export could not be started: {error}") from error
        finally:
            self.progress, self._running = None, False
        if ending.exit_code == 0 and found:
            return done(found[0])
        if ending.was_stopped:
            raise StoppedError("the export was stopped", remedy="Nothing of it is left.")
        raise ExportFailedError(ending.failure.message, remedy=ending.failure.remedy)


def done(exported: ExportedArchive) -> ExportDone:
    """Return an archive as the API shows it."""
    message = " ".join([f"Exported {exported.rows} rows.", *exported.problems])
    return ExportDone(True, Path(exported.path).name, message, exported.rows, exported.size_bytes)


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
