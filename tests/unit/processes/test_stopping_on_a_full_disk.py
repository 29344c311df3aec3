"""Jobs can be stopped when nothing can be written: not the registry, not logs, not what the terminal shows."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from pioreactor.cli import demo as demo_command
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.plan import DemoPlan
from pioreactor.exc import StorageError
from pioreactor.processes.liveness import is_alive, job_processes
from pioreactor.processes.service import Service
from pioreactor.storage.sqlite.jobs import SqliteJobRegistry, create_job_tables
from pioreactor.storage.sqlite.shared_connection import SharedConnection

SLEEP = "import time; time.sleep(60)"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process that looks like `pio run NAME` of the unit with a folder."""
    started: list[subprocess.Popen[bytes]] = []

    def run(name: str, folder: Path, *, command: str = "run") -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", SLEEP, "pioreactor.cli.main", command, name]
        started.append(subprocess.Popen(argv, env={**os.environ, "DOT_PIOREACTOR": str(folder)}))
        return started[-1]

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_jobs_of_a_unit_are_found_by_their_command_lines(tmp_path: Path, start: Start) -> None:
    ours = {start("stirring", tmp_path / "a").pid: "stirring", start("add_media", tmp_path / "a").pid: "add_media"}
    start("stirring", tmp_path / "b")
    start("stirring", tmp_path / "a", command="update")
    eventually(lambda: job_processes(tmp_path / "a") == ours)


def test_running_jobs_are_listed_although_ends_cannot_be_recorded(tmp_path: Path) -> None:
    connection = SharedConnection(tmp_path / "jobs.sqlite", synchronous="OFF", prepare=create_job_tables)
    alive = {11: True, 12: True}
    registry = SqliteJobRegistry(connection, alive=lambda pid, _: alive[pid])
    for pid in alive:
        registry.register(
            unit="unit1",
            experiment="e",
            job_name=f"job{pid}",
            job_source="user",
            leader="leader",
            pid=pid,
            is_long_running=False,
            started_at="2030-01-01T00:00:00.000Z",
            exclusive=False,
        )
    alive[12] = False
    connection.execute("PRAGMA query_only=ON")
    with pytest.raises(StorageError):
        registry.finish(1, ended_at="2030-01-01T00:00:00.000Z")
    assert [job.pid for job in registry.running()] == [11]
    connection.execute("PRAGMA query_only=OFF")
    assert [job.pid for job in registry.running()] == [11]
    assert connection.execute("SELECT is_running FROM pio_job_metadata WHERE pid = 12") == [(0,)]
    connection.close()


def test_a_demo_stops_jobs_whose_registry_cannot_be_opened(tmp_path: Path, start: Start) -> None:
    told: list[str] = []
    cluster = DemoCluster(DemoPlan(tmp_path, workers=1), log=told.append)
    paths = cluster.paths("worker1")
    paths.run_pioreactor.parent.mkdir(parents=True)
    paths.run_pioreactor.write_text("no folder can be made here")
    job = start("dosing_automation", paths.dot_pioreactor)
    service = start("monitor", paths.dot_pioreactor)
    eventually(lambda: len(job_processes(paths.dot_pioreactor)) == 2)
    cluster.stop()
    assert job.wait(10) != 0
    assert is_alive(service.pid, None), "services are stopped by the cluster that started them"
    assert [line for line in told if "command lines" in line]


def test_a_service_starts_without_its_log(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    service = Service("s", [sys.executable, "-c", SLEEP], {}, tmp_path / "file" / "s.out")
    service.start()
    assert service.process is not None
    assert service.is_running
    service.process.kill()
    service.process.wait()


def test_what_the_terminal_cannot_show_does_not_keep_a_demo_from_stopping(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(click, "echo", full)
    monkeypatch.setattr(demo_command.signal, "signal", lambda *_: None)  # type: ignore[attr-defined]
    demo_command._stop(DemoCluster(DemoPlan(tmp_path, workers=1), log=demo_command._log))
