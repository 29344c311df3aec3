"""The services of a unit, as updates stop and start them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pioreactor.identity.computer import POLKIT_REMEDY
from pioreactor.processes.system_command import SystemCommandError, run_system_command
from pioreactor.updates.errors import UpdateFailedError
from pioreactor.updates.ports import Services

SYSTEMD: Final = Path("/run/systemd/system")
_TARGET: Final = "pioreactor.target"
_OUTPUT_GUARD: Final = "pioreactor-output-guard.service"
_TIMEOUT_S: Final = 180.0


@dataclass(frozen=True)
class SystemdServices:
    """Services that systemd runs. `waits` is False at boot, where systemd itself starts them afterwards."""

    waits: bool = True

    def stop(self) -> None:
        if self.waits:
            self._do("stop", _TARGET)

    def start(self) -> None:
        if self.waits:
            # Also what was not stopped runs the current version afterwards; the guard is the last to change.
            self._do("restart", _TARGET)
            self._do("try-restart", _OUTPUT_GUARD)

    def _do(self, verb: str, unit: str) -> None:
        command = ("systemctl", "--no-ask-password", verb, unit)
        try:
            run_system_command(command, timeout_s=_TIMEOUT_S)
        except SystemCommandError as error:
            raise UpdateFailedError(
                f"systemctl {verb} {unit} failed: {error}",
                remedy=None if error.stderr is None else POLKIT_REMEDY,
            ) from error


@dataclass(frozen=True)
class ForegroundServices:
    """A machine without systemd, where `pio cluster run` runs in the foreground: a person stops and starts it."""

    are_running: Callable[[], bool]

    def stop(self) -> None:
        if self.are_running():
            raise UpdateFailedError(
                "the services of this unit run in the foreground", remedy="Stop `pio cluster run`, then update."
            )

    def start(self) -> None:
        """Leave the start to the person."""


def services_of_machine(are_running: Callable[[], bool], *, waits: bool = True) -> Services:
    """Return how the services of this machine are stopped and started."""
    if SYSTEMD.is_dir() and shutil.which("systemctl") is not None:
        return SystemdServices(waits)
    return ForegroundServices(are_running)
