"""Commands on another machine by the program `ssh`."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from pioreactor.cluster.ssh_account import SshAccount, SshKeys
from pioreactor.exc import NotPermittedError, PioreactorError, StorageError, UnitUnreachableError

_TIMEOUT_S: Final = 60.0
_CONNECTION_FAILED: Final = 255


class SshRefusedError(PioreactorError):
    """A command on the other machine ended with an error; `returncode` is its exit status."""

    status = 409

    def __init__(self, message: str, returncode: int) -> None:
        super().__init__(message)
        self.returncode = returncode


class SshMachine:
    """One machine that is reached by SSH. Its host key is kept at the first contact, and must stay the same."""

    def __init__(self, keys: SshKeys, account: SshAccount, *, program: Sequence[str] = ("ssh",)) -> None:
        self.host = account.host
        self._keys = keys
        self._account = account
        self._program = program

    @contextmanager
    def start(self, command: str) -> Iterator[subprocess.Popen[str]]:
        """Run a shell command there; its output and its errors can be read. It is ended with the block."""
        options, environment = self._keys.options(self._account)
        argv = [*self._program, *options, "--", self.host, command]
        try:
            # In a session of its own there is no terminal at which a password could be asked for.
            process = subprocess.Popen(
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, errors="replace", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise StorageError(f"ssh cannot be started: {error}", remedy="Install openssh-client here.") from error
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()

    def run(self, command: str, *, timeout_s: float = _TIMEOUT_S) -> str:
        """Run a shell command there to its end and return its output; raise as `error` returns."""
        with self.start(command) as process:
            try:
                output, errors = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired as error:
                raise UnitUnreachableError(f"{self.host} did not answer within {timeout_s:g} s") from error
        if process.returncode != 0:
            raise self.error(process.returncode, errors)
        return output

    def error(self, returncode: int, errors: str) -> PioreactorError:
        """Return why a command failed: the connection, the login, or the command itself (`SshRefusedError`)."""
        said = " ".join(errors.split())[-300:] or f"exit status {returncode}"
        if returncode != _CONNECTION_FAILED:
            return SshRefusedError(f"{self.host}: {said}", returncode)
        return self._connection_error(f"{self._account.user}@{self.host}", said)

    def _connection_error(self, account: str, said: str) -> PioreactorError:
        lowered = said.lower()
        if "host key verification failed" in lowered:
            return NotPermittedError(
                f"the host key of {self.host} is another than at the last time",
                remedy="Find out which machine answers there. For a new machine of the same name, ask to replace it.",
            )
        if "permission denied" in lowered:
            key = self._keys.public_key()
            return NotPermittedError(
                f"{account} refuses {'the key of the cluster' if self._account.password is None else 'the password'}",
                remedy=f"Give its password, or add this line to ~/.ssh/authorized_keys there: {key}",
            )
        return UnitUnreachableError(
            f"no SSH connection to {account}: {said}",
            remedy="Check the address, and that SSH is switched on there (sudo raspi-config, Interface).",
        )
