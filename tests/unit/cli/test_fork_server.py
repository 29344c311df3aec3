"""The fork server: what it forks is like a process of its own, and nothing depends on the server's life."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from pioreactor.cli import fork_server
from pioreactor.cli.fork_server import PADDING, ForkListener
from pioreactor.processes.fork_protocol import MAX_PACKET_BYTES, CannotForkError, ForkRequest, software
from pioreactor.processes.forked_process import ForkedProcess, PioStarter, fork
from pioreactor.processes.launch import pio_argv
from pioreactor.processes.liveness import is_alive, job_processes

SERVER = """
import random, sys
from pathlib import Path
from pioreactor.cli.fork_server import ForkListener
with ForkListener(Path(sys.argv[1])) as listener:
    job = listener.serve()
if job is not None:
    try:
        exec(job.request.environment["CODE"])
    finally:
        job.tell_end(0)
"""
REPORT = """
import json, os, random, signal, sys, threading
mask = os.umask(0)
print(json.dumps({
    "argv": sys.argv[1:], "folder": os.getcwd(), "mask": mask, "session": os.getsid(0), "pid": os.getpid(),
    "names": sorted(os.environ), "random": random.random(), "threads": threading.active_count(),
    "files": sorted(os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                    if int(n) > 2 and os.path.exists(f"/proc/self/fd/{n}")),
    "handlers": [str(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)],
    "blocked": [int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
}), flush=True)
print("to standard error", file=sys.stderr)
"""


class Server:
    """A fork server of one unit that runs what CODE says."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "fork.sock"
        self.environment = {**os.environ, "DOT_PIOREACTOR": str(folder), "SECRET_OF_THE_SERVER": "x"}
        argv = (sys.executable, "-P", "-c", SERVER, str(self.path), PADDING)
        self.process = subprocess.Popen(argv, env=self.environment)
        until = time.monotonic() + 10
        while not self.path.exists() and time.monotonic() < until:
            time.sleep(0.01)

    def run(self, code: str, output: IO[bytes], *arguments: str, **variables: str) -> ForkedProcess:
        own = {name: value for name, value in self.environment.items() if name != "SECRET_OF_THE_SERVER"}
        written = output.fileno()
        return fork(
            self.path, arguments or ("run", "stirring"), {**own, "CODE": code, **variables}, (0, written, written)
        )

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("fork"))
    yield one
    one.end()


@pytest.fixture
def mortal_server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    yield one
    one.end()


@pytest.fixture
def output(tmp_path: Path) -> Iterator[IO[bytes]]:
    with (tmp_path / "output").open("w+b", buffering=0) as file:
        yield file


def report(output: IO[bytes]) -> dict[str, object]:
    output.seek(0)
    found: dict[str, object] = json.loads(output.readline())
    return found


def test_a_forked_process_is_like_one_of_its_own(server: Server, output: IO[bytes]) -> None:
    before = os.umask(0o027)
    try:
        process = server.run(REPORT, output, "run", "stirring", "--target-rpm", "500", OWN="1")
    finally:
        os.umask(before)
    assert process.wait(10) == 0
    found = report(output)
    assert (found["argv"], found["folder"]) == (["run", "stirring", "--target-rpm", "500"], str(Path.cwd()))
    assert (found["mask"], found["threads"], found["blocked"]) == (0o027, 1, [])
    assert found["session"] == found["pid"] == process.pid
    names = found["names"]
    assert isinstance(names, list)
    assert "OWN" in names
    assert "SECRET_OF_THE_SERVER" not in names
    assert b"to standard error" in output.read()
    handlers = found["handlers"]
    assert isinstance(handlers, list)
    assert "default_int_handler" in handlers[1]
    assert [handlers[0], handlers[2]] == [str(signal.SIG_DFL), str(signal.SIG_DFL)]
    # Only the connection by which its end is seen; nothing of the server or of other jobs.
    files = found["files"]
    assert isinstance(files, list)
    assert len([name for name in files if name.startswith("socket:")]) == 1


def test_forked_processes_draw_different_numbers(server: Server, output: IO[bytes]) -> None:
    drawn = []
    for _ in range(2):
        output.seek(0)
        output.truncate()
        assert server.run(REPORT, output).wait(10) == 0
        drawn.append(report(output)["random"])
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("code", "status"),
    [("raise SystemExit(3)", 3), ("import os; os._exit(130)", 130), ("import os; os.kill(os.getpid(), 9)", -9)],
)
def test_how_it_ended_is_seen(server: Server, output: IO[bytes], code: str, status: int) -> None:
    assert server.run(code, output).wait(10) == status


def test_it_is_found_among_the_jobs_of_its_unit(server: Server, output: IO[bytes]) -> None:
    process = server.run("import time; time.sleep(60)", output, "run", "stirring")
    assert job_processes(server.path.parent) == {process.pid: "stirring"}
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM


def test_the_server_s_death_ends_no_job_and_the_job_s_end_is_still_seen(
    mortal_server: Server, output: IO[bytes]
) -> None:
    process = mortal_server.run("import signal; signal.sigwait([signal.SIGUSR1])", output)
    mortal_server.end()
    assert process.poll() is None
    assert is_alive(process.pid, None)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL


def test_a_new_server_takes_the_place_of_one_that_died(mortal_server: Server) -> None:
    mortal_server.end()
    with (
        ForkListener(mortal_server.path),
        pytest.raises(CannotForkError, match="already"),
        ForkListener(mortal_server.path),
    ):
        pass
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_only_this_user_may_use_the_socket(server: Server) -> None:
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("variables", "reason"),
    [({"DOT_PIOREACTOR": "/elsewhere"}, "another unit"), ({"PYTHONUTF8": "1"}, "differ"), ({"LANG": "xx"}, "differ")],
)
def test_what_would_differ_from_an_own_process_is_refused(
    server: Server, output: IO[bytes], variables: dict[str, str], reason: str
) -> None:
    with pytest.raises(CannotForkError, match=reason):
        server.run("", output, **variables)


def test_another_version_and_what_is_no_request_are_refused_and_the_server_lives(
    server: Server, output: IO[bytes]
) -> None:
    own = {"CODE": "", "DOT_PIOREACTOR": str(server.path.parent)}
    other = ForkRequest(f"{software()}.1", "/", 0, ("run", "x"), own).encode()
    for packet in (b"", b"x", b"\0" * 100, b"a\0b\0c\0d", b"a\0b\x001\x00999\0c", other, b"x" * MAX_PACKET_BYTES):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(5)
            connection.connect(str(server.path))
            socket.send_fds(connection, [packet], (0, 1, 2))
            assert connection.recv(2000).startswith(b"refused")
    with pytest.raises(CannotForkError, match="fit"):
        server.run("", output, LONG="x" * MAX_PACKET_BYTES)
    assert server.run("", output).wait(10) == 0


def test_a_socket_has_its_name_only_once_it_accepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fork.sock"

    class Watched(socket.socket):
        def listen(self, backlog: int = 128, /) -> None:
            assert not path.exists()
            super().listen(backlog)

    monkeypatch.setattr(socket, "socket", Watched)
    with fork_server._listen(path), Watched(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(str(path))
    assert [each.name for each in tmp_path.iterdir()] == ["fork.sock"]


def test_a_folder_that_is_gone_is_refused(server: Server, output: IO[bytes], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    request = ForkRequest(software(), str(gone), 0o077, ("run", "x"), {**server.environment, "CODE": ""}).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(5)
        connection.connect(str(server.path))
        socket.send_fds(connection, [request], (0, output.fileno(), output.fileno()))
        assert b"No such file" in connection.recv(2000)
    assert server.run("", output).wait(10) == 0


def test_without_a_server_a_process_of_its_own_is_started(tmp_path: Path, output: IO[bytes]) -> None:
    starter = PioStarter(tmp_path / "absent.sock")
    process = starter(pio_argv("version"), dict(os.environ), output)
    assert isinstance(process, subprocess.Popen)
    assert process.wait(10) == 0
    output.seek(0)
    assert output.read().strip()


def test_a_server_that_hangs_is_not_waited_for(
    server: Server, output: IO[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that it would fork afterwards ends at once: no one waits for it any more."""
    monkeypatch.setattr("pioreactor.processes.forked_process._ANSWER_TIMEOUT_S", 0.1)
    os.kill(server.process.pid, signal.SIGSTOP)
    with pytest.raises(CannotForkError, match="answer"):
        server.run("print('ran')", output)
    monkeypatch.undo()
    os.kill(server.process.pid, signal.SIGCONT)
    assert server.run("", output).wait(10) == 0
    output.seek(0)
    assert output.read() == b""
