"""Hardware actions in a process of their own: result, errors, shutdown."""

import sys
import threading
from pathlib import Path

import pytest

from pioreactor.web.tasks import Tasks
from pioreactor.web.unit.calibration_executor import CalibrationActionError, StepTimeoutError, by_command_line
from pioreactor.web.unit.job_launcher import JobLauncher


@pytest.fixture
def tasks() -> Tasks:
    return Tasks("unit1")


def launcher(script: str) -> JobLauncher:
    return JobLauncher((sys.executable, "-c", script), {"PATH": "/usr/bin", "SECRET": "x"})


def test_the_last_line_of_output_is_the_result(tasks: Tasks) -> None:
    script = (
        "import sys, json, os; print('noise'); "
        "print(json.dumps({'answer': {'args': sys.argv[1:], 'env': sorted(os.environ)}}))"
    )
    answer = by_command_line(launcher(script), tasks.pause)("pump", {"device": "media_pump"})
    assert answer["args"] == ["calibration_action", "pump", '{"device":"media_pump"}']
    assert "SECRET" not in answer["env"]


def test_errors_keep_their_status_and_remedy(tasks: Tasks) -> None:
    script = 'print(\'{"error": "busy", "status": 409, "remedy": "Wait."}\')'
    with pytest.raises(CalibrationActionError, match="busy") as raised:
        by_command_line(launcher(script), tasks.pause)("pump", {})
    assert (raised.value.relayed_status, raised.value.remedy) == (409, "Wait.")


@pytest.mark.parametrize(
    "script", ["import sys; sys.exit(3)", "print('no json')", "import os; os.kill(os.getpid(), 9)"]
)
def test_a_process_without_result_is_an_error(tasks: Tasks, script: str) -> None:
    with pytest.raises(CalibrationActionError, match="without a result"):
        by_command_line(launcher(script), tasks.pause)("pump", {})


def test_shutdown_interrupts_the_process(tmp_path: Path) -> None:
    started, switched_off = tmp_path / "started", tmp_path / "off"
    script = (
        "import pathlib, threading\n"
        "try:\n"
        f"    pathlib.Path({str(started)!r}).touch(); threading.Event().wait(60)\n"
        "except KeyboardInterrupt:\n"
        f"    pathlib.Path({str(switched_off)!r}).touch()\n"
    )

    def pause(duration_s: float) -> bool:
        threading.Event().wait(duration_s)
        return started.exists()

    with pytest.raises(StepTimeoutError):
        by_command_line(launcher(script), pause)("pump", {})
    assert switched_off.exists()
