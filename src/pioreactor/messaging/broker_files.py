"""The files of a broker that runs as a service: its configuration and its accounts, which change while it runs."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pioreactor.exc import ConfigurationError
from pioreactor.messaging.accounts import Account, password_file, permission_file
from pioreactor.private_files import locked_folder, write_atomically

_MOSQUITTO = """\
listener {port} {interface}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/permissions
pid_file {folder}/broker.pid
persistence true
persistence_location {folder}/
autosave_interval 60
allow_duplicate_messages false
set_tcp_nodelay true
max_queued_messages 100000
persistent_client_expiration 14d
log_dest stderr
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Files in one folder, which only their owner reads. Passwords are kept as hashes."""

    folder: Path

    @property
    def configuration(self) -> Path:
        return self.folder / "mosquitto.conf"

    @property
    def passwords(self) -> Path:
        return self.folder / "passwords"

    @property
    def permissions(self) -> Path:
        return self.folder / "permissions"

    @property
    def process_id(self) -> Path:
        """Written by the broker."""
        return self.folder / "broker.pid"

    def write_configuration(self, *, port: int, interface: str = "0.0.0.0", more: str = "") -> None:
        """Write how Mosquitto is to serve all units of the cluster; `more` are further lines of its configuration."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = _MOSQUITTO.format(port=port, interface=interface, folder=self.folder)
        if os.geteuid() == 0:
            text += "user root\n"  # otherwise it changes to a user that cannot read these files
        self._write(self.configuration, text + more)
        for path in (self.passwords, self.permissions):
            if not path.exists():
                self._write(path, "")

    def port(self) -> int:
        """Return the port in the configuration."""
        for line in self.configuration.read_text(encoding="utf-8").splitlines():
            if line.startswith("listener "):
                return int(line.split()[1])
        raise ConfigurationError(f"{self.configuration} has no listener", remedy="Run `pio cluster init` again.")

    def set_account(self, account: Account) -> None:
        """Add an account, or give it another password; a running broker takes it at once."""
        with self._locked():
            self._edit(self.passwords, lambda text: _without_lines(text, account.name) + password_file([account]))
            self._edit(self.permissions, lambda text: _without_block(text, account.name) + permission_file([account]))
        self.reload()

    def add_unit(self, name: str, password_hash: str) -> None:
        """Add the account of a unit with the password that it has at another broker."""
        with self._locked():
            self._edit(self.passwords, lambda text: f"{_without_lines(text, name)}{name}:{password_hash}\n")
        self.set_permissions(Account(name, "kept as a hash", "unit"))

    def set_permissions(self, account: Account) -> None:
        """Change what an account may do, and keep its password; a running broker takes it at once."""
        with self._locked():
            self._edit(self.permissions, lambda text: _without_block(text, account.name) + permission_file([account]))
        self.reload()

    def remove_account(self, name: str) -> None:
        """Remove an account; a running broker ends its sessions."""
        if name not in self.accounts():
            return
        with self._locked():
            self._edit(self.passwords, lambda text: _without_lines(text, name))
            self._edit(self.permissions, lambda text: _without_block(text, name))
        self.reload()

    def accounts(self) -> list[str]:
        """Return the names of the accounts."""
        lines = self.passwords.read_text(encoding="utf-8").splitlines() if self.passwords.exists() else []
        return [line.partition(":")[0] for line in lines if ":" in line]

    def reload(self) -> None:
        """Have a running broker read its accounts again. It keeps the connections of those that are still right."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(self.process_id.read_text()), signal.SIGHUP)

    def _edit(self, path: Path, change: Callable[[str], str]) -> None:
        self._write(path, change(path.read_text(encoding="utf-8") if path.exists() else ""))

    def _write(self, path: Path, text: str) -> None:
        write_atomically(path, text, mode=0o600)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked_folder(self.folder):
            yield


def _without_lines(text: str, name: str) -> str:
    return "".join(line + "\n" for line in text.splitlines() if not line.startswith(f"{name}:"))


def _without_block(text: str, name: str) -> str:
    """Return an ACL file without the block of one user, with a blank line before what is added."""
    kept: list[str] = []
    is_kept = True
    for line in text.splitlines():
        if line.startswith("user "):
            is_kept = line.removeprefix("user ").strip() != name
        if is_kept:
            kept.append(line)
    joined = "\n".join(kept).strip()
    return f"{joined}\n\n" if joined else ""
