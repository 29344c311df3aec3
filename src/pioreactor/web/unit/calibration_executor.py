"""Has the hardware work of calibrations done by a process of its own: a stop ends that, and never the web server."""

import signal
import tempfile
from collections.abc import Callable
from typing import Any

import msgspec

from pioreactor.calibrations.sessions.actions import Executor, Payload
from pioreactor.exc import PioreactorError
from pioreactor.processes.launch import inherited, launch
from pioreactor.processes.termination import terminate
from pioreactor.web.unit.job_launcher import JobLauncher

LONGEST_S = 300.0
_LOOK_EVERY_S = 0.05
_PATIENCE_S = 10.0


class CalibrationActionError(PioreactorError):
    """Hardware work of a step failed."""

    code = "calibration_action_failed"
    relayed_status: int = 500


class StepTimeoutError(PioreactorError):
    """A step takes longer than an HTTP request may wait."""

    code = "calibration_step_timeout"
    status = 504
    remedy = "Look at the session again: its step was stopped and can be repeated."


class Performed(msgspec.Struct):
    """What the process says at its end: an answer, or what went wrong."""

    answer: dict[str, Any] | None = None
    error: str = ""
    status: int = 500
    remedy: str | None = None


def by_command_line(launcher: JobLauncher, pause: Callable[[float], bool]) -> Executor:
    """Return an executor that runs `pio run calibration_action`; `pause` says when the server stops."""

    def perform(action: str, payload: Payload) -> dict[str, Any]:
        text = msgspec.json.encode(payload).decode()
        said = _finish([*launcher.command, "calibration_action", action, text], launcher, pause)
        return answer_of(said, action)

    return perform


def answer_of(said: bytes, action: str) -> dict[str, Any]:
    """Return the answer in the last line a process printed; raise `CalibrationActionError` for what it says else."""
    lines = said.strip().splitlines()
    try:
        performed = msgspec.json.decode(lines[-1] if lines else b"", type=Performed)
    except msgspec.DecodeError:
        raise CalibrationActionError(
            f"{action} ended without an answer", remedy="See the log of the unit: pio logs"
        ) from None
    if performed.answer is not None:
        return performed.answer
    error = CalibrationActionError(performed.error, remedy=performed.remedy)
    error.relayed_status = performed.status
    raise error


def _finish(command: list[str], launcher: JobLauncher, pause: Callable[[float], bool]) -> bytes:
    with tempfile.TemporaryFile() as output:
        try:
            process = launch(command, inherited(launcher.environment), stdout=output)
        except OSError as error:
            raise CalibrationActionError(f"the work could not be started: {error}") from error
        try:
            for _ in range(int(LONGEST_S / _LOOK_EVERY_S)):
                if process.poll() is not None:
                    output.seek(0)
                    return output.read()
                if pause(_LOOK_EVERY_S):
                    break
            raise StepTimeoutError("the step takes too long, or the server stops")
        finally:
            # SIGINT lets it switch off its outputs.
            terminate([process], patience_s=_PATIENCE_S, first=signal.SIGINT)
