"""The account of another machine that `ssh` logs in to: by the key of this cluster, or a password."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pioreactor.exc import InvalidRequestError, StorageError
from pioreactor.private_files import write_atomically
from pioreactor.processes.system_command import SystemCommandError, run_system_command

DEFAULT_USER: Final = "pioreactor"
PORT: Final = 22
USER_PATTERN: Final = r"^[a-z_][a-z0-9_-]{0,31}$(?!\n)"
_TIMEOUT_S: Final = 60.0
_PASSWORD: Final = "PIOREACTOR_SSH_PASSWORD"
_ASKPASS: Final = f'#!/bin/sh\nprintf "%s\\n" "${_PASSWORD}"\n'
_VALUES: Final = {
    "StrictHostKeyChecking": "accept-new",
    "GlobalKnownHostsFile": "/dev/null",
    "IdentitiesOnly": "yes",
    "ConnectTimeout": "15",
    "ServerAliveInterval": "10",
    "NumberOfPasswordPrompts": "1",
    "LogLevel": "ERROR",
}
_KEY_ONLY: Final = {"BatchMode": "yes", "PreferredAuthentications": "publickey"}
_PASSWORD_TOO: Final = {"BatchMode": "no", "PreferredAuthentications": "publickey,password,keyboard-interactive"}


@dataclass(frozen=True, slots=True)
class SshAccount:
    """Where to log in. Without a password, only the key of the cluster is offered."""

    host: str
    port: int = PORT
    user: str = DEFAULT_USER
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raise `InvalidRequestError` for names that `ssh` could take for options."""
        if self.host.startswith("-") or not re.fullmatch(USER_PATTERN, self.user):
            raise InvalidRequestError(f"{self.user}@{self.host} is no account of a machine", remedy="Check both names.")


class SshKeys:
    """The key of the cluster, and the host keys of the machines that it knows."""

    def __init__(self, secrets: Path) -> None:
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

    def forget(self, account: SshAccount) -> None:
        """Forget the host key of a machine that was replaced."""
        name = account.host if account.port == PORT else f"[{account.host}]:{account.port}"
        if self._known_hosts.exists():
            run_system_command(("ssh-keygen", "-R", name, "-f", str(self._known_hosts)), timeout_s=_TIMEOUT_S)

    def options(self, account: SshAccount) -> tuple[list[str], dict[str, str]]:
        """Return the options of `ssh`, and its environment: a password is in no argument and in no file."""
        self.public_key()
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        values = _VALUES | {"UserKnownHostsFile": str(self._known_hosts)} | _KEY_ONLY
        if account.password is not None:
            values |= _PASSWORD_TOO
            kept |= self._answering(account.password)
        options = ["-F", "/dev/null", "-T", "-l", account.user, "-p", str(account.port), "-i", str(self._key)]
        return [*options, *(f"-o{name}={value}" for name, value in values.items())], kept

    def _answering(self, password: str) -> dict[str, str]:
        """Return the environment in which `ssh` gets a password from a program that it starts."""
        program = self._folder / "askpass"  # temporary folders may forbid programs
        write_atomically(program, _ASKPASS, mode=0o700)
        return {_PASSWORD: password, "SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}
