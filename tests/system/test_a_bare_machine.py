"""One command makes a machine with nothing on it a leader that runs as an account of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from bench.network_cut.netns import missing_requirement

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

CHECKOUT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("bare_machine.sh")
NAMESPACES = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def test_a_leader_is_installed_and_runs() -> None:
    fault = missing_requirement()
    assert fault is None, f"namespaces need root: {fault}"
    done = subprocess.run(
        [*NAMESPACES, "bash", str(SCRIPT), str(CHECKOUT), sys.prefix],
        capture_output=True, text=True, check=False, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    parts = dict(part.split("\n", 1) for part in done.stdout.split("== ")[1:])
    assert "leader1 leads a cluster now" in parts["install"]
    assert "pio cluster run" in parts["install again"], "a second time is harmless"
    assert parts["units"].strip() == ""
    assert "OK overall." in parts["status"], parts["status"] + done.stderr
    assert "OK    services:web              https://10.99.0.1:8443" in parts["status"]
    assert parts["readable by others"].strip() == ""
