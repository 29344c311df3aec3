"""`python -m pioreactor.cli.fork_server`: starts jobs by forking; a process of its own that runs from boot.

It imports what jobs need once. A job that it forks shares that memory, and starts without importing. It holds nothing
of the unit: it has one thread and builds no runtime, so that it has no secret and no connection that jobs could share.
All that a job has of its own (configuration, plugins, connections) is made after the fork, by the same code as in a
process of its own. The job keeps its end of the connection until it ends, so that the process that asked for it
sees its end although the server may have ended before.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import IO, Final, NoReturn, Self

from pioreactor.private_files import restrict_new_files
from pioreactor.processes.fork_protocol import (
    ENDED,
    MAX_PACKET_BYTES,
    REFUSED,
    STARTED,
    CannotForkError,
    ForkRequest,
    fixed_at_start,
    is_same_user,
    software,
)
from pioreactor.processes.launch import module_argv, pio_argv
from pioreactor.processes.liveness import folder_of_unit
from pioreactor.storage.paths import Paths

PRELOADED: Final = (
    *("click", "yaml", "paho.mqtt.client", "json", "shutil", "binascii", "zlib", "lzma", "bz2", "unicodedata"),
    *("encodings.idna", "stringprep", "gettext", "tempfile", "difflib", "http.client"),
    "pioreactor.automations.dosing.turbidostat",
    "pioreactor.automations.led.light_dark_cycle",
    "pioreactor.automations.temperature.thermostat",
    "pioreactor.background_jobs.monitor.reactor_checks",
    "pioreactor.bootstrap.process",
    "pioreactor.devices.board",
    "pioreactor.devices.drivers.ads111x",
    "pioreactor.devices.drivers.dac43608",
    "pioreactor.devices.drivers.gpio",
    "pioreactor.devices.drivers.pico",
    "pioreactor.devices.drivers.tmp1075",
    "pioreactor.devices.hat",
    "pioreactor.devices.rig",
    "pioreactor.http.client",
    "pioreactor.identity.assignment",
    "pioreactor.messaging.mqtt",
    "pioreactor.output_guard.output_guard",
    "pioreactor.plugin_management.discovery",
    "pioreactor.storage.artifacts",
    "pioreactor.cli.automation_commands",
    "pioreactor.cli.exit_codes",
    "pioreactor.cli.main",
    "pioreactor.cli.plugin_commands",
    "pioreactor.cli.recorded_commands",
    "pioreactor.cli.run_commands",
    "pioreactor.cli.tree",
    "pioreactor.cli.user_check",
)
"""What jobs import at first use; their classes are imported as well.

None of it starts a thread, opens a file or reads the unit's data when it is imported. Libraries of the hardware, which
may, are not in it, nor what few jobs need (numpy).
"""

PADDING: Final = " " * 4096
"""Last word of a process that changes its command line later: it can only be replaced by one that is no longer."""
_ARG_START, _ARG_END = 45, 46
"""Positions in `/proc/<pid>/stat` counted after the command's closing bracket (proc(5))."""
_HANDLED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_STANDARD: Final = 3
"""Standard input, output and error."""


@dataclass(frozen=True, slots=True)
class ForkedJob:
    """What the forked process is to run."""

    request: ForkRequest
    connection: socket.socket

    def tell_end(self, status: int) -> None:
        """Say the exit code; what the server says of a process that it reaps overrides it."""
        with suppress(OSError):
            self.connection.send(b"%s %d" % (ENDED, status))


class ForkListener:
    """Serves requests on a socket that only this user may use. Raise `CannotForkError` where another server does."""

    def __init__(self, path: Path, environment: Mapping[str, str] | None = None) -> None:
        self._path = path
        own = os.environ if environment is None else environment
        self._software, self._fixed, self._folder = software(), fixed_at_start(own), folder_of_unit(own)
        self._jobs: dict[int, socket.socket] = {}
        self._waiting: set[socket.socket] = set()
        self._owner = os.getpid()
        self._is_stopping = False

    def __enter__(self) -> Self:
        self._listener = _listen(self._path)
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        for one in (self._woken, self._waker, self._listener):
            one.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._reap)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        for number in _HANDLED:
            signal.signal(number, self._on_signal)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        if os.getpid() == self._owner:
            self._path.unlink(missing_ok=True)
            self._close()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._is_stopping = self._is_stopping or number != signal.SIGCHLD

    def serve(self) -> ForkedJob | None:
        """Return None when the server is told to end, and in each process that it forks what that is to run."""
        while not self._is_stopping:
            for key, _ in self._selector.select():
                job: ForkedJob | None = key.data(key.fileobj)
                if job is not None:
                    return job
        return None

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            connection.setblocking(False)
            if not is_same_user(connection):
                connection.close()
                return
            self._waiting.add(connection)
            self._selector.register(connection, selectors.EVENT_READ, self._answer)

    def _answer(self, connection: socket.socket) -> ForkedJob | None:
        self._waiting.discard(connection)
        self._selector.unregister(connection)
        descriptors: list[int] = []
        try:
            packet, descriptors, _, _ = socket.recv_fds(connection, MAX_PACKET_BYTES + 1, _STANDARD)
            request = self._checked(packet, descriptors)
            pid = self._fork(connection, descriptors, request)
        except (OSError, ValueError, CannotForkError) as error:
            with connection:
                _refuse(connection, error)
            return None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if pid == 0:
            return ForkedJob(request, connection)
        self._jobs[pid] = connection
        return None

    def _checked(self, packet: bytes, descriptors: list[int]) -> ForkRequest:
        request = ForkRequest.decode(packet)
        if len(descriptors) != _STANDARD:
            raise ValueError("standard input, output and error are missing")
        asked = (request.software, fixed_at_start(request.environment), folder_of_unit(request.environment))
        reasons = (
            f"the server is {self._software}",
            "variables that Python reads once, at its start, differ from those of the server",
            "the server is of another unit",
        )
        for reason, theirs, own in zip(reasons, asked, (self._software, self._fixed, self._folder), strict=True):
            if theirs != own:
                raise CannotForkError(reason)
        return request

    def _fork(self, connection: socket.socket, descriptors: list[int], request: ForkRequest) -> int:
        """Return the number of the process, and 0 in that process."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        try:
            pid = os.fork()
            if pid == 0:
                self._become_job(connection, descriptors, request)
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)

    def _become_job(self, connection: socket.socket, descriptors: list[int], request: ForkRequest) -> None:
        """Take over what the process has of its own, and say that it runs; end if no one waits for that."""
        try:
            self._take_over(descriptors, request)
            connection.setblocking(True)
            connection.send(b"%s %d" % (STARTED, os.getpid()))
        except OSError as error:
            _refuse(connection, error)
            os._exit(1)

    def _take_over(self, descriptors: list[int], request: ForkRequest) -> None:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        self._close()
        for standard, descriptor in enumerate(descriptors):
            os.dup2(descriptor, standard)
        _reopen_standard_files()
        change_command_line(pio_argv(*request.arguments))
        os.umask(request.file_mask)
        os.chdir(request.folder)
        os.environ.clear()
        os.environ.update(request.environment)
        time.tzset()
        sys.argv = [sys.argv[0], *request.arguments]

    def _reap(self, woken: socket.socket) -> None:
        # What is not read now wakes it again.
        woken.recv(4096)
        for pid, status in _ended_children():
            with self._jobs.pop(pid) as connection, suppress(OSError):
                connection.send(b"%s %d" % (ENDED, os.waitstatus_to_exitcode(status)))

    def _close(self) -> None:
        self._selector.close()
        for one in (self._listener, self._woken, self._waker, *self._waiting, *self._jobs.values()):
            one.close()


def _refuse(connection: socket.socket, error: Exception) -> None:
    with suppress(OSError):
        connection.send(b"%s %s" % (REFUSED, str(error).encode()[:900]))


def _ended_children() -> Iterator[tuple[int, int]]:
    """Yield the number and the status of each child that has ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
            yield ended


def _listen(path: Path) -> socket.socket:
    """Listen on a socket; it has its name only once it accepts connections, so that who finds it can connect."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    unnamed = path.with_name(f".{path.name}")
    unnamed.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(unnamed))
    finally:
        os.umask(before)
    listener.listen(64)
    unnamed.rename(path)
    return listener


def _remove_stale(path: Path) -> None:
    """Remove the socket of a server that is gone; what is no socket, or answers, stays."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise CannotForkError(f"{path} exists and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise CannotForkError(f"another fork server already serves {path}")


def _reopen_standard_files() -> None:
    """Give Python's standard files the buffering that suits what they are now connected to, as at a start."""
    encoding, errors = sys.stdout.encoding, sys.stdout.errors
    buffering = 1 if os.isatty(1) else -1
    standard: dict[str, IO[str]] = {  # they stay open as long as the process
        "stdin": open(0, encoding=encoding, closefd=False),  # noqa: SIM115
        "stdout": open(1, "w", buffering, encoding=encoding, errors=errors, closefd=False),  # noqa: SIM115
        "stderr": open(2, "w", 1, encoding=encoding, errors="backslashreplace", closefd=False),  # noqa: SIM115
    }
    for name, file in standard.items():
        setattr(sys, name, file)
        setattr(sys, f"__{name}__", file)


def change_command_line(argv: Sequence[str]) -> None:
    """Show these words in `ps` and to `job_processes` from now on; those that do not fit are skipped.

    Raise `OSError` where the kernel forbids it.
    """
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    room, shown = end - start, b""
    for word in argv:
        longer = shown + os.fsencode(word) + b"\0"
        if len(longer) > room:
            break
        shown = longer
    # The words are in memory of this process, which may write it.
    with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        memory.seek(start)
        memory.write(shown.ljust(room, b"\0"))


def main() -> None:
    """Serve until SIGTERM or SIGINT; in a process that was forked, run its job."""
    restrict_new_files()
    if sys.argv[-1] != PADDING:
        if not _is_wanted():
            sys.stderr.write("Jobs are not forked: [jobs] use_fork_server is off.\n")
            return
        _begin_with_room_for_command_lines()
    _import_what_jobs_need()
    with ForkListener(Paths.from_environment(os.environ).fork_server) as listener:
        job = listener.serve()
    if job is not None:
        _run(job)


def _is_wanted() -> bool:
    from pioreactor.bootstrap.process import forks_jobs

    return forks_jobs(Paths.from_environment(os.environ))


def _begin_with_room_for_command_lines() -> None:
    argv = [*module_argv("pioreactor.cli.fork_server"), PADDING]
    os.execv(argv[0], argv)


def _import_what_jobs_need() -> None:
    from pioreactor.cli import fast_start
    from pioreactor.job_catalog import JOBS

    fast_start.import_msgspec()
    for spec in JOBS.values():
        if not spec.leader_only:
            spec.load()
    for module in PRELOADED:
        import_module(module)
    gc.collect()
    # What is there now lives as long as the process: collections in jobs need not touch, and so copy, its pages.
    gc.freeze()


def _run(job: ForkedJob) -> NoReturn:
    from pioreactor.cli.main import main as run_pio

    status: int | str | None = 0
    try:
        run_pio()
    except SystemExit as ended:
        status = ended.code
        raise
    except BaseException:
        status = 1
        raise
    finally:
        job.tell_end(status if isinstance(status, int) else int(status is not None))
    sys.exit(0)


if __name__ == "__main__":
    main()
