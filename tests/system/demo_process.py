"""A demo as a process of its own, for tests: commands, rows of its database, messages, and what it leaves behind."""

import contextlib
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pioreactor.bootstrap import build_runtime
from pioreactor.storage.paths import Paths
from pioreactor.testing.ports import free_ports

PATIENCE_S = 100.0
PIO = [sys.executable, "-m", "pioreactor.cli.main"]
PIOS = [sys.executable, "-m", "pioreactor.cli.pios"]


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait for a system of other processes; there is nothing else to wait on than its answers."""
    waiting = threading.Event()
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = true()
        if answer:
            return answer
        waiting.wait(0.2)
    raise AssertionError(f"not within {PATIENCE_S:g} s: {what}")


@dataclass
class Demo:
    """A running `pio demo`."""

    process: "subprocess.Popen[str]"
    folder: Path
    environment: dict[str, str]
    url: str

    def pio(
        self, *words: str, unit: str = "worker1", program: Sequence[str] = PIO, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*program, *words],
            env={**self.environment_of(unit), **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def environment_of(self, unit: str) -> dict[str, str]:
        paths = Paths.below(self.folder / unit)
        return {
            **self.environment,
            "HOSTNAME": unit,
            "DOT_PIOREACTOR": str(paths.dot_pioreactor),
            "RUN_PIOREACTOR": str(paths.run_pioreactor),
            "PIO_LOG_FILE": str(paths.log_file),
        }

    def running(self) -> dict[str, dict[str, Any]]:
        listed = json.loads(self.pio("jobs", "list", "running", "--json").stdout)
        return {job["job_name"]: job for job in listed}

    def rows(self, table: str) -> int:
        return self.count(f"SELECT count(*) FROM {table}")

    def count(self, question: str) -> int:
        """Ask the leader's database for a number; 0 while there is none."""
        database = Paths.below(self.folder / "leader").database
        if not database.exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return int(connection.execute(question).fetchone()[0])

    def text(self, question: str) -> str:
        """Ask the leader's database for a word."""
        with contextlib.closing(
            sqlite3.connect(f"file:{Paths.below(self.folder / 'leader').database}?mode=ro", uri=True)
        ) as connection:
            return str(connection.execute(question).fetchone()[0])

    def wait_for_message(
        self, topic: str, wanted: Callable[[bytes], bool], *, after: Callable[[], object] | None = None
    ) -> None:
        """Wait for a message whose payload is wanted, retained ones included."""
        runtime = build_runtime(self.environment_of("leader"), quiet=True, handles_signals=False)
        bus = runtime.buses.connect("test")
        came = threading.Event()
        try:
            bus.subscribe(topic, lambda message: came.set() if wanted(message.payload) else None)
            if after is not None:
                after()
            assert came.wait(PATIENCE_S), f"nothing wanted came on {topic}"
        finally:
            bus.close()
            runtime.stores.close()

    def publish(self, topic: str, payload: bytes) -> None:
        runtime = build_runtime(self.environment_of("leader"), quiet=True, handles_signals=False)
        bus = runtime.buses.connect("test")
        bus.publish(topic, payload, qos=1)
        assert bus.flush(10)
        bus.close()
        runtime.stores.close()

    def stop(self) -> str:
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=60)
        return said


def start(folder: Path, *more: str) -> Demo:
    command = [*PIO, "demo", "--workers", "1", "--speed", "10", "--port", str(free_ports(2)), "--data", str(folder)]
    command += ["--scenario", "ecoli_turbidostat", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    overdue = threading.Timer(PATIENCE_S, process.kill)
    overdue.start()
    said = ""
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if "Press Ctrl-C to stop everything" in line:
                break
        else:
            raise AssertionError(f"the demo ended before it was ready:\n{said}")
    finally:
        overdue.cancel()
        overdue.join()
    exported = re.search(r"export (.+)", said)
    assert exported, said
    given = dict(word.split("=", 1) for word in shlex.split(exported.group(1)))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    opened = re.search(r"Open +(\S+)", said)
    assert opened, said
    return Demo(process, folder, {**kept, **given}, opened.group(1))


def left_behind(folder: Path) -> dict[int, str]:
    """Return the living processes that have anything to do with a folder, with their command lines."""
    found = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            known = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if str(folder).encode() in known:
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found
