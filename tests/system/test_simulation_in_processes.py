"""`pio simulate --jobs`: what several processes write is, byte for byte, what one writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from pioreactor.cli.simulate import simulate

pytestmark = pytest.mark.system


def results(out: Path, *words: str) -> object:
    done = CliRunner().invoke(simulate, ["--hours", "0.3", "--out", str(out), "--json", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_units_in_processes_write_the_same_bytes(tmp_path: Path) -> None:
    results(tmp_path / "one", "--units", "3")
    results(tmp_path / "several", "--units", "3", "--jobs", "2")
    assert files(tmp_path / "one") == files(tmp_path / "several")


def test_seeds_in_processes_write_what_each_writes_alone(tmp_path: Path) -> None:
    several = results(tmp_path / "several", "--seeds", "2", "--seed", "5", "--jobs", "2")
    assert isinstance(several, list)
    assert [Path(one["database"]).parent.name for one in several] == ["seed-5", "seed-6"]
    for seed in ("5", "6"):
        results(tmp_path / seed, "--seed", seed)
        assert files(tmp_path / seed) == files(tmp_path / "several" / f"seed-{seed}")


def test_a_failed_job_is_told(tmp_path: Path) -> None:
    words = ["--hours", "0.02", "--units", "2", "--jobs", "2", "--job", "no_such_job", "--out", str(tmp_path), "--json"]
    done = CliRunner().invoke(simulate, words)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["failed_jobs"] == ["unit1: no_such_job", "unit2: no_such_job"]


def test_ctrl_c_ends_all_processes(tmp_path: Path) -> None:
    code = "from pioreactor.cli.main import main; main()"
    words = ["simulate", "--hours", "1000", "--units", "2", "--jobs", "2", "--out", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], stderr=subprocess.PIPE, process_group=0, text=True
    ) as process:
        until_s = time.monotonic() + 60.0
        while not all(list(tmp_path.glob(f"parts-*/commits of {unit}")) for unit in (0, 1)):
            assert time.monotonic() < until_s
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in told
    assert not list(tmp_path.glob("parts-*"))
    until_s = time.monotonic() + 20.0
    while _group_exists(process.pid):
        assert time.monotonic() < until_s
        time.sleep(0.1)


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
