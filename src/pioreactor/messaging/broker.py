"""The broker process of a cluster on this machine: Mosquitto if installed, otherwise the embedded broker."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pioreactor.exc import BrokerUnreachableError, InvalidRequestError
from pioreactor.messaging.accounts import Account, password_file, permission_file
from pioreactor.messaging.ports import BrokerAddress
from pioreactor.private_files import write_atomically
from pioreactor.processes.launch import launch, module_argv
from pioreactor.processes.termination import terminate

Program = Literal["mosquitto", "embedded"]

_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where distributions install Mosquitto; not on the PATH of ordinary users."""
_MAX_ATTEMPTS = 3
_POLL_S = 0.02

_MOSQUITTO = """\
listener {port} {interface}
allow_anonymous false
password_file {directory}/passwords
acl_file {directory}/permissions
persistence true
persistence_location {directory}/
autosave_interval 60
allow_duplicate_messages false
set_tcp_nodelay true
max_queued_messages 10000
persistent_client_expiration 1h
log_dest stderr
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""


def find_mosquitto() -> str | None:
    """Return the path of Mosquitto; None if it is not installed."""
    return shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", os.defpath), _SYSTEM_PATH]))


class Broker:
    """One broker process and its files (configuration, accounts, retained messages, log) in one directory.

    Only the given accounts may connect. Passwords are written as hashes, into files that only the owner reads. The
    directory keeps retained messages across restarts.
    """

    def __init__(
        self,
        directory: Path,
        accounts: Sequence[Account],
        *,
        interface: str = "127.0.0.1",
        port: int = 0,
        program: Program | None = None,
    ) -> None:
        """Prepare a broker. `port` 0 selects a free one at the first start; `program` None prefers Mosquitto."""
        self.program: Program = program if program is not None else ("mosquitto" if find_mosquitto() else "embedded")
        self.directory = directory
        self.interface = interface
        self.port = port
        self._accounts = tuple(accounts)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log_path(self) -> Path:
        """Return the log file."""
        return self.directory / "broker.log"

    @property
    def pid(self) -> int | None:
        """Return the process id; None if not started."""
        return self._process.pid if self._process is not None else None

    @property
    def is_running(self) -> bool:
        """Return whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def address(self, account: str) -> BrokerAddress:
        """Return the address for an account; raise `InvalidRequestError` if there is no such account."""
        for known in self._accounts:
            if known.name == account:
                host = "127.0.0.1" if self.interface == "0.0.0.0" else self.interface
                return BrokerAddress(host, self.port, known.name, known.password)
        raise InvalidRequestError(f"the broker has no account {account!r}")

    def start(self, timeout_s: float = 10.0) -> None:
        """Start, and wait until connections are accepted; raise `BrokerUnreachableError` on timeout. Idempotent."""
        if self.is_running:
            return
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write_accounts()
        requested_port = self.port
        for attempt in range(_MAX_ATTEMPTS):
            self.port = requested_port if requested_port else _free_port(self.interface)
            self._launch()
            if self._wait_until_ready(timeout_s):
                return
            self.stop()
            if requested_port or attempt == _MAX_ATTEMPTS - 1:
                break
        raise BrokerUnreachableError(
            f"{self.program} did not start on {self.interface}:{self.port}: {self._last_log_line()}",
            remedy=f"Read {self.log_path}.",
        )

    def stop(self, timeout_s: float = 5.0) -> None:
        """Terminate the broker; kill it after `timeout_s`. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        terminate([process], patience_s=timeout_s)

    def set_accounts(self, accounts: Sequence[Account]) -> None:
        """Replace the accounts; a running broker reloads them and keeps its connections."""
        self._accounts = tuple(accounts)
        if self._process is not None and self.is_running:
            self._write_accounts()
            self._process.send_signal(signal.SIGHUP)

    def __enter__(self) -> "Broker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _write_accounts(self) -> None:
        write_atomically(self.directory / "passwords", password_file(self._accounts), mode=0o600)
        write_atomically(self.directory / "permissions", permission_file(self._accounts), mode=0o600)

    def _launch(self) -> None:
        with self.log_path.open("ab") as log_file:
            # In a session of its own: the process that started the broker handles Ctrl-C, and stops it last.
            self._process = launch(self._command(), stdout=log_file, stderr=subprocess.STDOUT)

    def _command(self) -> list[str]:
        if self.program == "embedded":
            options = {
                "--host": self.interface,
                "--port": str(self.port),
                "--passwords": str(self.directory / "passwords"),
                "--permissions": str(self.directory / "permissions"),
                "--retained": str(self.directory / "retained.msgpack"),
            }
            return module_argv(
                "pioreactor.messaging.embedded", *(part for option in options.items() for part in option)
            )
        mosquitto = find_mosquitto()
        if mosquitto is None:
            raise BrokerUnreachableError("Mosquitto is not installed", remedy="Install the package mosquitto.")
        configuration = self.directory / "mosquitto.conf"
        text = _MOSQUITTO.format(port=self.port, interface=self.interface, directory=self.directory)
        if os.geteuid() == 0:
            text += "user root\n"  # otherwise it changes to a user that cannot read these files
        write_atomically(configuration, text, mode=0o600)
        return [mosquitto, "-c", str(configuration)]

    def _wait_until_ready(self, timeout_s: float) -> bool:
        process = self._process
        host = "127.0.0.1" if self.interface == "0.0.0.0" else self.interface
        deadline = time.monotonic() + timeout_s
        while process is not None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((host, self.port), timeout=1.0):
                return process.poll() is None
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_S)
                return False
        return False

    def _last_log_line(self) -> str:
        with contextlib.suppress(OSError):
            lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
            return lines[-1] if lines else "its log is empty"
        return "its log is empty"


def _free_port(interface: str) -> int:
    with socket.socket() as probe:
        probe.bind((interface, 0))
        return int(probe.getsockname()[1])
