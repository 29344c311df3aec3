"""Whether this computer opens a Wi-Fi network of its own, which NetworkManager does (`nmcli device wifi hotspot`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pioreactor.processes.system_command import SystemCommandError, run_system_command

_TIMEOUT_S: Final = 5.0
_WIFI: Final = "802-11-wireless"


def _run(command: Sequence[str]) -> str:
    return run_system_command(command, timeout_s=_TIMEOUT_S)


def is_access_point(run: Callable[[Sequence[str]], str] = _run) -> bool:
    """Return whether a connection of NetworkManager is an access point; False without NetworkManager."""
    try:
        active = run(("nmcli", "-g", "UUID,TYPE", "connection", "show", "--active")).splitlines()
        wireless = [line.partition(":")[0] for line in active if line.endswith(_WIFI)]
        modes = [run(("nmcli", "-g", f"{_WIFI}.mode", "connection", "show", uuid)) for uuid in wireless]
    except SystemCommandError:
        return False
    return any(mode.strip() == "ap" for mode in modes)
