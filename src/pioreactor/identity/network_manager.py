"""What `nmcli` of NetworkManager says of this computer's network adapters, and why it refuses."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pioreactor.exc import PioreactorError
from pioreactor.identity.computer import POLKIT_REMEDY
from pioreactor.processes.system_command import SystemCommandError, run_system_command

TIMEOUT_S: Final = 10.0
_CAUSES: Final = (
    ("is not installed", "NetworkManager is not installed", "Install it: sudo apt install network-manager"),
    ("is not running", "NetworkManager is not running", "Start it: sudo systemctl start NetworkManager"),
    ("insufficient privileges", "this account may not change networks", POLKIT_REMEDY),
    ("not authorized", "this account may not change networks", POLKIT_REMEDY),
)
_NOT_READY: Final = {
    "unavailable": (
        "is switched off",
        "Switch it on: nmcli radio wifi on. On a Raspberry Pi, set the country first: sudo raspi-config.",
    ),
    "unmanaged": ("is not managed by NetworkManager", "Let NetworkManager manage it: nmcli device set {} managed yes"),
}


class AccessPointError(PioreactorError):
    """NetworkManager is missing, or did not do what it was asked for."""

    code = "access_point_failed"
    status = 409
    remedy = "Look for the cause: journalctl -u NetworkManager."


class Device(NamedTuple):
    name: str
    type: str
    state: str

    @property
    def is_connected(self) -> bool:
        return self.state.startswith("connected")


def nmcli(*arguments: str, timeout_s: float = TIMEOUT_S) -> str:
    """Run nmcli and return what it prints; raise `AccessPointError` with the cause and what to do."""
    try:
        return run_system_command(("nmcli", *arguments), timeout_s=timeout_s)
    except SystemCommandError as error:
        for mark, cause, remedy in _CAUSES:
            if mark in str(error).lower():
                raise AccessPointError(cause, remedy=remedy) from error
        raise AccessPointError(f"NetworkManager: {str(error).removeprefix('Error: ').rstrip('.')}") from error


def devices() -> list[Device]:
    return [Device(*row) for row in rows(nmcli("-t", "-f", "DEVICE,TYPE,STATE", "device"))]


def wifi_device() -> Device:
    """Return the adapter to use, rather one without a connection; raise `AccessPointError` where none can be used."""
    found = [device for device in devices() if device.type == "wifi"]
    if not found:
        raise AccessPointError("this computer has no Wi-Fi adapter", remedy="Plug one in, or use a cable.")
    usable = sorted((device for device in found if device.state not in _NOT_READY), key=lambda one: one.is_connected)
    if not usable:
        cause, remedy = _NOT_READY[found[0].state]
        raise AccessPointError(f"the Wi-Fi adapter {found[0].name} {cause}", remedy=remedy.format(found[0].name))
    return usable[0]


def rows(text: str) -> list[list[str]]:
    """Split what `nmcli --terse` prints: columns by colons, with a backslash before those of a value."""
    return [[unescaped(cell) for cell in re.split(r"(?<!\\):", line)] for line in text.splitlines() if line]


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
