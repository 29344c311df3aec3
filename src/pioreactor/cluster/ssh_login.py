"""Commands on another machine by the program `ssh`, with a key of this cluster or a password."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pioreactor.exc import InvalidRequestError, NotPermittedError, PioreactorError, StorageError, UnitUnreachableError
from pioreactor.private_files import write_atomically
from pioreactor.processes.system_command import SystemCommandError, run_system_command

DEFAULT_USER: Final = "pioreactor"
PORT: Final = 22
USER_PATTERN: Final = r"^[a-z_][a-z0-9_-]{0,31}$(?!\n)"
_CONNECT_TIMEOUT_S: Final = 15
_TIMEOUT_S: Final = 60.0
_CONNECTION_FAILED: Final = 255
_PASSWORD: Final = "PIOREACTOR_SSH_PASSWORD"
_ASKPASS: Final = f'#!/bin/sh\nprintf "%s\\n" "${_PASSWORD}"\n'
_USER: Final = re.compile(USER_PATTERN)


@dataclass(frozen=True, slots=True)
class SshLogin:
    """Who logs in and how. Without a password, only the key of the cluster is offered."""

    user: str = DEFAULT_USER
    password: str | None = field(default=None, repr=False)


class SshRefusedError(PioreactorError):
    """A command on the other machine ended with an error; `returncode` is its exit status."""

    status = 409

    def __init__(self, message: str, returncode: int) -> None:
        super().__init__(message)
        self.returncode = returncode


class SshMachine:
    """One machine that is reached by SSH. Its host key is kept at the first contact, and must stay the same."""

    def __init__(
        self, secrets: Path, host: str, port: int, login: SshLogin, *, program: Sequence[str] = ("ssh",)
    ) -> None:
        """`secrets`: folder in which the key of the cluster and the known hosts are kept."""
        if host.startswith("-") or not _USER.match(login.user):
            raise InvalidRequestError(f"{login.user}@{host} is no account of a machine", remedy="Check both names.")
        self.host = host
        self._port = port
        self._login = login
        self._program = program
        self._folder = secrets / "ssh"
        self._key = self._folder / "id_ed25519"
        self._known_hosts = self._folder / "known_hosts"

    def public_key(self) -> str:
        """Return the public key of the cluster, which is made at the first use."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._key.exists():
            command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "pioreactor cluster", "-f", str(self._key))
            try:
                run_system_command(command, timeout_s=_TIMEOUT_S)
            except SystemCommandError as error:
                raise StorageError(f"no SSH key could be made: {error}", remedy="Install openssh-client.") from error
        return self._key.with_suffix(".pub").read_text().strip()

    def forget_host_key(self) -> None:
        """Forget the host key of a machine that was replaced."""
        name = self.host if self._port == PORT else f"[{self.host}]:{self._port}"
        if self._known_hosts.exists():
            run_system_command(("ssh-keygen", "-R", name, "-f", str(self._known_hosts)), timeout_s=_TIMEOUT_S)

    @contextmanager
    def start(self, command: str) -> Iterator[subprocess.Popen[str]]:
        """Run a shell command there; its output and its errors can be read. It is ended with the block."""
        self.public_key()
        options, environment = self._options()
        try:
            process = subprocess.Popen(
                [*self._program, *options, "--", self.host, command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # no terminal at which a password could be asked for
            )
        except OSError as error:
            raise StorageError(
                f"ssh cannot be started: {error}", remedy="Install openssh-client on the leader."
            ) from error
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
        lines = [line.strip() for line in errors.splitlines() if line.strip() and not line.startswith("Warning:")]
        said = lines[-1][:300] if lines else f"exit status {returncode}"
        if returncode != _CONNECTION_FAILED:
            return SshRefusedError(f"{self.host}: {' '.join(lines)[-300:] or said}", returncode)
        account = f"{self._login.user}@{self.host}"
        if "host key" in errors.lower() and "verification failed" in errors.lower():
            return NotPermittedError(
                f"the host key of {self.host} is another than at the last time",
                remedy="Find out which machine answers there. For a new machine of the same name, ask to replace it.",
            )
        if "permission denied" in errors.lower():
            wrong = "password and key were" if self._login.password is not None else "the key of the cluster was"
            return NotPermittedError(
                f"{account} cannot be logged in to: {wrong} refused",
                remedy=f"Give its password, or add this line to ~/.ssh/authorized_keys there: {self.public_key()}",
            )
        return UnitUnreachableError(
            f"no SSH connection to {account}: {said}",
            remedy="Check the address, and that SSH is switched on there (sudo raspi-config, Interface).",
        )

    def _options(self) -> tuple[list[str], dict[str, str]]:
        """Return the options of `ssh`, and its environment: a password is in no argument and in no file."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        has_password = self._login.password is not None
        values = {
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": str(self._known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "ConnectTimeout": str(_CONNECT_TIMEOUT_S),
            "ServerAliveInterval": "10",
            "NumberOfPasswordPrompts": "1",
            "BatchMode": "no" if has_password else "yes",
            "PreferredAuthentications": "publickey,password,keyboard-interactive" if has_password else "publickey",
            "LogLevel": "ERROR",
        }
        if self._login.password is not None:
            program = self._folder / "askpass"  # temporary folders may forbid programs
            write_atomically(program, _ASKPASS, mode=0o700)
            kept |= {_PASSWORD: self._login.password, "SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}
        options = ["-F", "/dev/null", "-T", "-l", self._login.user, "-p", str(self._port), "-i", str(self._key)]
        return [*options, *(f"-o{name}={value}" for name, value in values.items())], kept
