"""`pio` as a process of its own, against processes of jobs: what it says ended has ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

JOB = """
import os, signal, sys
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite.stores import SqliteUnitStores

name, stubborn = sys.argv[1], sys.argv[2] == "stubborn"
stores = SqliteUnitStores(Paths.from_environment(os.environ))
job_id = stores.jobs().register(
    unit="u1", experiment="e", job_name=name, job_source="user", leader="u1", pid=os.getpid(),
    is_long_running=False, started_at="2030-01-01T00:00:00.000Z", exclusive=True,
)
signal.signal(signal.SIGINT, signal.SIG_IGN if stubborn else lambda *_: sys.exit(0))
print("ready", flush=True)
while True:
    signal.pause()
"""


class Unit:
    def __init__(self, root: Path) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        own = {"DOT_PIOREACTOR": str(root / "dot"), "RUN_PIOREACTOR": str(root / "run"), "HOSTNAME": "u1"}
        self.environment = {**kept, **own, "ACTIVE": "1", "EXPERIMENT": "e", "PIO_LOG_FILE": str(root / "log")}
        self.jobs: list[subprocess.Popen[str]] = []
        for directory in ("dot/storage", "run/cache"):
            (root / directory).mkdir(parents=True)

    def start(self, name: str, how: str = "well-behaved") -> "subprocess.Popen[str]":
        job = subprocess.Popen(
            [sys.executable, "-c", JOB, name, how], env=self.environment, stdout=subprocess.PIPE, text=True
        )
        self.jobs.append(job)
        assert job.stdout is not None
        assert job.stdout.readline() == "ready\n"
        return job

    def pio(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "pioreactor.cli.main", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def end_all(self) -> None:
        for job in self.jobs:
            job.kill()
            job.wait()
            if job.stdout is not None:
                job.stdout.close()


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Unit]:
    unit = Unit(tmp_path)
    yield unit
    unit.end_all()


def test_kill_ends_processes_and_says_which_live_on(unit: Unit) -> None:
    mild, stubborn = unit.start("od_reading"), unit.start("stirring", "stubborn")

    ended = unit.pio("kill", "--all-jobs", "--wait", "2")

    assert mild.wait(10) == 0
    assert stubborn.poll() is None
    assert ended.returncode == 1
    assert "od_reading ended." in ended.stdout
    assert f"stirring (process {stubborn.pid}) still runs after 2 s" in ended.stderr


@pytest.mark.parametrize(
    "fault", ["[leds]\na=IR\n", "[mqtt]\nbroker_port=x\n", "[PWM]\n1=a\n2=a\n", "lost\n[ui]\nport=-1\n"]
)
def test_what_stops_and_repairs_depends_on_no_configuration(unit: Unit, fault: str) -> None:
    config = Path(unit.environment["DOT_PIOREACTOR"]) / "unit_config.ini"
    config.write_text(fault)
    job = unit.start("od_reading")

    ended = unit.pio("kill", "--all-jobs")
    assert ended.returncode == 0, ended.stderr
    assert job.wait(10) == 0, ended.stdout
    for line in (["jobs", "list"], ["config", "show"], ["resume"]):
        answer = unit.pio(*line)
        assert answer.returncode == 0, (line, answer.stderr)
    status = unit.pio("status")
    assert status.stdout.count("unit_config.ini") <= 2, status.stdout
    config.write_text("")
    assert unit.pio("config", "show").stderr == ""


def test_a_killed_job_is_not_listed_as_running(unit: Unit) -> None:
    job = unit.start("stirring", "stubborn")
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert unit.pio("jobs", "running").stdout == "No jobs.\n"
    assert unit.pio("kill", "--job-name", "stirring").stdout == "Killed 0 jobs.\n"
    assert unit.pio("jobs", "purge", "--job-name", "stirring").returncode == 0


def test_a_closed_pipe_is_no_error(unit: Unit) -> None:
    shown = subprocess.run(
        f"{sys.executable} -m pioreactor.cli.main config show | head -n 1",
        shell=True,
        env=unit.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.stderr == ""
    assert shown.stdout == "[hardware]\n"


def test_ctrl_c_ends_with_130(unit: Unit) -> None:
    (Path(unit.environment["PIO_LOG_FILE"])).write_text("first line\n")
    follower = subprocess.Popen(
        [sys.executable, "-m", "pioreactor.cli.main", "logs", "-f"],
        env=unit.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    unit.jobs.append(follower)
    assert follower.stdout is not None
    assert follower.stdout.readline() == "first line\n"
    follower.send_signal(signal.SIGINT)
    _, err = follower.communicate(timeout=20)
    assert (follower.returncode, err.strip()) == (130, "Interrupted.")
