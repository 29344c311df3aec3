"""A demo that starts again: over a taken port, with its history, and after a power cut."""

import contextlib
import json
import operator
import os
import signal
import socket
import subprocess
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.system.demo_process import PATIENCE_S, PIO, left_behind, start, until

from pioreactor.structs.encoding import from_timestamp, to_timestamp

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def test_a_port_that_is_taken_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [*PIO, "demo", "--workers", "1", "--no-jobs", "--port", port, "--data", str(tmp_path / "d")],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    assert ended.returncode == 1
    assert "port" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert left_behind(tmp_path / "d") == {}


def vial_of(folder: Path) -> dict[str, Any]:
    [file] = folder.glob("worker1/**/simulated_vial.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_the_next_start_keeps_history_and_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    first = start(folder)
    try:
        until(lambda: first.rows("od_readings") > 5, "readings")
    finally:
        said = first.stop()
    assert first.process.returncode == 0, said
    assert left_behind(folder) == {}
    before = first.rows("od_readings")
    vial = vial_of(folder)
    second = start(folder)
    try:
        until(lambda: vial_of(folder)["t_s"] > vial["t_s"], "the simulated vial continues")
        assert vial_of(folder)["culture"]["genotypes"][0] == pytest.approx(vial["culture"]["genotypes"][0], rel=0.1)
        assert second.rows("od_readings") >= before
        until(lambda: second.rows("od_readings") > before, "readings continue")
    finally:
        second.stop()
    assert left_behind(folder) == {}


def test_after_a_power_cut_everything_is_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("c")  # of a short name, as sockets lie below it
    first = start(folder)
    jobs = ("stirring", "od_reading", "growth_rate_calculating", "temperature_automation", "dosing_automation")
    try:
        until(lambda: first.rows("growth_rates") > 3 and set(jobs) <= set(first.running()), "everything runs")
        paused = first.pio("jobs", "set", "temperature_automation", "state", "sleeping")
        assert paused.returncode == 0, paused.stderr
    finally:
        for pid in left_behind(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        first.process.communicate()
    before = first.rows("od_readings")
    second = start(folder)
    try:
        until(lambda: set(jobs) <= set(second.running()), "all of it runs again")
        held = {"dosing_automation": b"sleeping", "temperature_automation": b"sleeping"}
        for job in jobs:
            wanted = held.get(job, b"ready")
            second.wait_for_message(f"pioreactor/worker1/demo/{job}/$state", partial(operator.eq, wanted))
        until(lambda: second.rows("od_readings") > before, "readings continue")
        gap = "SELECT count(*) FROM logs WHERE message LIKE 'Gap in the records: worker1 was off from %'"
        until(lambda: second.count(gap) == 1, "the gap is marked")
        told = second.text("SELECT message FROM logs WHERE message LIKE 'Gap in the records%'")
        since, again = told.rstrip(".").split(" from ")[1].split(" to ")
        assert second.text("SELECT min(timestamp) FROM logs") <= since < again
        # The last reading before the cut is there, with the time at which it was made; one comes every five seconds.
        latest = f"SELECT max(timestamp) FROM od_readings WHERE timestamp < '{again}'"
        earliest, at_most = from_timestamp(since) - timedelta(seconds=10), from_timestamp(again) - timedelta(seconds=20)
        assert to_timestamp(earliest) <= second.text(latest) < to_timestamp(at_most)
        until(
            lambda: second.count(f"SELECT count(*) FROM od_readings WHERE timestamp > '{again}'") > 0,
            "records continue after it",
        )
        assert second.count("SELECT count(*) FROM logs WHERE message LIKE '%ended unexpectedly%'") == 0, (
            "a power cut is not a crash"
        )
    finally:
        second.stop()
    assert left_behind(folder) == {}
