"""Starting of `pio` commands by the fork server of the unit, which has the software imported already."""

from __future__ import annotations

import os
import select
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

from pioreactor.processes import fork_protocol
from pioreactor.processes.fork_protocol import ENDED, STARTED, CannotForkError, ForkRequest
from pioreactor.processes.launch import launch, pio_argv

_ANSWER_TIMEOUT_S: Final = 2.0


class StartedProcess(Protocol):
    """What a caller may do with a process that it started; `subprocess.Popen` has it as well."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code. Raise `subprocess.TimeoutExpired` when it still runs after `timeout` [s]."""


class ForkedProcess:
    """A process that the fork server started. Its end is seen by its connection, whether the server lives or not."""

    def __init__(self, connection: socket.socket, pid: int, arguments: Sequence[str]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._connection = connection
        self._arguments = arguments
        self._said = -9  # killed, unless it says otherwise

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0.0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        while self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(list(self._arguments), timeout if timeout is not None else 0.0)
            self._read()
        return self.returncode

    def _read(self) -> None:
        try:
            packet = self._connection.recv(64)
        except OSError:
            packet = b""
        word, _, code = packet.partition(b" ")
        if word == ENDED:
            self._said = int(code)
        elif not packet:
            self._connection.close()
            self.returncode = self._said


def fork(
    server: Path, arguments: Sequence[str], environment: Mapping[str, str], standard: tuple[int, int, int]
) -> ForkedProcess:
    """Have the server start `pio <arguments>` in a session of its own; return when it runs.

    `standard` are the descriptors of its input, output and error. Raise `CannotForkError` if there is no server, or if
    it refuses.
    """
    request = ForkRequest(fork_protocol.software(), str(Path.cwd()), _file_mask(), arguments, environment).encode()
    connection = _connect(server)
    try:
        socket.send_fds(connection, [request], standard)
        connection.settimeout(_ANSWER_TIMEOUT_S)
        answer = connection.recv(1024)
    except OSError as error:
        connection.close()
        raise CannotForkError(f"the fork server does not answer: {error}") from error
    word, _, rest = answer.partition(b" ")
    if word != STARTED:
        connection.close()
        raise CannotForkError(rest.decode(errors="replace") or "the fork server has ended")
    connection.settimeout(None)
    return ForkedProcess(connection, int(rest), arguments)


def _connect(server: Path) -> socket.socket:
    if len(os.fsencode(server)) > fork_protocol.MAX_PATH_BYTES:
        raise CannotForkError(f"{server} is too long for a socket")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(_ANSWER_TIMEOUT_S)
    try:
        connection.connect(os.fspath(server))
        if fork_protocol.is_same_user(connection):
            return connection
    except OSError as error:
        connection.close()
        raise CannotForkError(f"no fork server: {error}") from error
    connection.close()
    raise CannotForkError("the fork server belongs to another user")


def _file_mask() -> int:
    """Return the mask of new files without changing it, as reading it by `os.umask` would for other threads."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    raise CannotForkError("the kernel does not say the mask of new files")


@dataclass(frozen=True, slots=True)
class PioStarter:
    """Starts `pio` commands: by the fork server, or as a process of their own where that cannot be had."""

    server: Path | None
    """Its socket; None where jobs are not to be forked."""

    def __call__(
        self, argv: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None = None
    ) -> StartedProcess:
        """Start a command in a session of its own; standard output and error go to `output`, None for nowhere.

        Raise `OSError` or `ValueError` when it cannot be started.
        """
        prefix = pio_argv()
        if self.server is not None and list(argv[: len(prefix)]) == prefix:
            with suppress(CannotForkError):
                return self._fork(self.server, argv[len(prefix) :], environment, output)
        nowhere = subprocess.DEVNULL
        return launch(argv, environment, stdout=output or nowhere, stderr=subprocess.STDOUT)

    @staticmethod
    def _fork(
        server: Path, arguments: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None
    ) -> ForkedProcess:
        nowhere = os.open(os.devnull, os.O_RDWR)
        try:
            written = nowhere if output is None else output.fileno()
            return fork(server, arguments, environment, (nowhere, written, written))
        finally:
            os.close(nowhere)
