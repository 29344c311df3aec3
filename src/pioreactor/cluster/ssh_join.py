"""Joining a machine over SSH: the leader starts `pio cluster join` there, reads the code, and pairs as ever."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec

from pioreactor.cluster.admission import Admission, Joined, JoinRequest
from pioreactor.cluster.ssh_machine import SshMachine, SshRefusedError
from pioreactor.exc import ConflictError, PioreactorError, UnitUnreachableError

WAIT_FOR_CODE_S: Final = 90.0
"""A Raspberry Pi Zero needs half a minute to start Python and make a key."""
_WAIT_FOR_END_S: Final = 30.0
_JOIN: Final = "pio cluster join --json --port 0 --wait-min 2"
_START: Final = (
    "if [ -d /run/systemd/system ]; then systemctl --no-ask-password restart pioreactor.target; "
    "else echo 'this machine has no systemd: run `pio cluster run` there' >&2; exit 3; fi"
)
_USAGE_ERROR: Final = 2
_NOT_FOUND: Final = 127


class ShownCode(msgspec.Struct):
    """One line of `pio cluster join --json`: where the machine waits, and for which code."""

    unit: str
    port: int
    code: str


def join_by_ssh(
    machine: SshMachine,
    admission: Admission,
    request: JoinRequest,
    *,
    is_simulated: bool = False,
    wait_s: float = WAIT_FOR_CODE_S,
    report: Callable[[str], None] = lambda _: None,
) -> Joined:
    """Take a machine in that can be logged in to. Its services are started; a failure of that is a warning.

    The code of `request` is not used, and of its address only the host: the machine says the others.
    """
    report(f"Starting `pio cluster join` on {machine.host} by SSH.")
    with machine.start(_JOIN + (" --simulated" if is_simulated else "")) as process:
        errors = _Errors(process)
        shown = _shown_code(machine, process, errors, wait_s)
        joined = admission.admit(replace(request, address=_address(machine.host, shown.port), code=shown.code))
        try:
            if process.wait(_WAIT_FOR_END_S) != 0:
                raise machine.error(process.returncode, errors.text())
        except subprocess.TimeoutExpired as error:
            raise UnitUnreachableError(f"{machine.host} has joined, but its command does not end") from error
    report(f"Starting the services of {joined.unit}.")
    try:
        machine.run(_START)
    except PioreactorError as error:
        hint = f"The services of {joined.unit} were not started: {error}."
        return replace(joined, notes=(*joined.notes, hint))
    return joined


class _Errors:
    """What a process writes to its standard error, read beside it so that it never waits for us."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._parts: list[str] = []
        self._process = process
        self._thread = threading.Thread(target=self._read, name="ssh errors", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._parts = [*self._parts, line][-20:]

    def text(self) -> str:
        self._thread.join(2.0)
        return "".join(self._parts)


def _shown_code(machine: SshMachine, process: subprocess.Popen[str], errors: _Errors, wait_s: float) -> ShownCode:
    """Return the code that the machine shows; raise `PioreactorError` if it shows none."""
    too_late = threading.Timer(wait_s, process.terminate)
    too_late.start()
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("{"):
                return msgspec.json.decode(line, type=ShownCode)
    except msgspec.MsgspecError as error:
        raise ConflictError(f"{machine.host} answers what is no code: {error}") from error
    finally:
        too_late.cancel()
        too_late.join()
    status = process.wait()
    if status < 0:
        raise UnitUnreachableError(f"{machine.host} showed no code within {wait_s:g} s")
    raise _explained(machine, machine.error(status, errors.text()))


def _explained(machine: SshMachine, error: PioreactorError) -> PioreactorError:
    """Return a better error for a machine that runs other software, or none."""
    if not isinstance(error, SshRefusedError) or error.returncode not in (_USAGE_ERROR, _NOT_FOUND):
        return error
    try:
        version = machine.run("pio version").strip().splitlines()[-1:]
    except PioreactorError:
        version = []
    found = f"version {version[0][:40]} of the software, which cannot join" if version else "no `pio`"
    return ConflictError(
        f"{machine.host} has {found}",
        remedy="Install this software there first: copy the .deb to it with scp, then "
        "`sudo apt-get install ./pioreactor_….deb`; or write a new card.",
    )


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
