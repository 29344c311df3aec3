"""Runs hardware actions of calibrations in a process of their own, which can be stopped without the web server."""

import signal
import tempfile
from collections.abc import Callable

import msgspec

from pioreactor.calibrations.sessions.actions import Executor, Payload
from pioreactor.exc import PioreactorError
from pioreactor.processes.launch import inherited, launch
from pioreactor.processes.termination import terminate
from pioreactor.web.unit.job_launcher import JobLauncher

TIMEOUT_S = 300.0
_POLL_INTERVAL_S = 0.05
_STOP_TIMEOUT_S = 10.0


class CalibrationActionError(PioreactorError):
    """A hardware action failed."""

    code = "calibration_action_failed"
    relayed_status: int = 500


class StepTimeoutError(PioreactorError):
    """A step took longer than the limit of a request."""

    code = "calibration_step_timeout"
    status = 504
    remedy = "Reload the session: the step was stopped and can be repeated."


class Performed(msgspec.Struct):
    """Last line of the process's output: an answer or an error."""

    answer: dict[str, object] | None = None
    error: str = ""
    status: int = 500
    remedy: str | None = None


def by_command_line(launcher: JobLauncher, pause: Callable[[float], bool]) -> Executor:
    """Return an executor that runs `pio run calibration_action`; `pause` returns True when the server stops."""

    def perform(action: str, payload: Payload) -> dict[str, object]:
        text = msgspec.json.encode(payload).decode()
        output = _finish([*launcher.command, "calibration_action", action, text], launcher, pause)
        return answer_of(output, action)

    return perform


def answer_of(output: bytes, action: str) -> dict[str, object]:
    """Return the answer in the last line of a process's output; raise `CalibrationActionError` if there is none."""
    lines = output.strip().splitlines()
    try:
        performed = msgspec.json.decode(lines[-1] if lines else b"", type=Performed)
    except msgspec.DecodeError:
        raise CalibrationActionError(
            f"{action} exited without a result", remedy="See the log of the unit: pio logs"
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
            raise CalibrationActionError(f"the process could not be started: {error}") from error
        try:
            for _ in range(int(TIMEOUT_S / _POLL_INTERVAL_S)):
                if process.poll() is not None:
                    output.seek(0)
                    return output.read()
                if pause(_POLL_INTERVAL_S):
                    break
            raise StepTimeoutError("the step took too long, or the server is shutting down")
        finally:
            # On SIGINT the process switches off its outputs.
            terminate([process], patience_s=_STOP_TIMEOUT_S, first=signal.SIGINT)
