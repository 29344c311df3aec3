"""The Wi-Fi network that this computer opens itself, by NetworkManager's `nmcli`."""

from __future__ import annotations

import ipaddress
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from pioreactor.exc import ConfigurationError, ConflictError, PioreactorError
from pioreactor.identity.network_manager import (
    TIMEOUT_S,
    AccessPointError,
    devices,
    nmcli,
    rows,
    unescaped,
    wifi_device,
)
from pioreactor.settings.sections import LocalAccessPointSettings

PROFILE: Final = "pioreactor-access-point"
"""Name of the profile, which NetworkManager keeps in memory: after a reboot there is none."""
BOOT_FILES: Final = (Path("/boot/firmware/local_access_point"), Path("/boot/local_access_point"))
"""One of these files on the boot partition has a leader open the network at each start."""

_ACTIVATION_S: Final = 30
_WIFI: Final = "802-11-wireless"
_SECURITY: Final = f"{_WIFI}-security"
_CIPHERS: Final = {"rsn": "ccmp", "wpa": "tkip"}
_PASSPHRASE: Final = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{6,61}[!-\[\]-~])$(?!\n)")
"""Printable ASCII as WPA has it, without the backslash, which nmcli reads as an escape, and spaces around it."""
_NEIGHBORS: Final = Path("/proc/net/arp")


class AccessPoint(msgspec.Struct):
    """The Wi-Fi network of this computer's own; what is not known is null."""

    active: bool
    ssid: str | None = None
    device: str | None = None
    address: str | None = None
    """Address of this computer in the network."""
    clients: list[str] = []
    """Addresses of the devices that were seen in the network lately."""
    opens_at_boot: bool = False
    consequence: str | None = None
    """Which connection ends when the network is opened or, if it is open, closed."""
    problem: str | None = None
    """Why it cannot be opened."""


class _Open(NamedTuple):
    uuid: str
    profile: str
    device: str
    ssid: str


@dataclass(frozen=True)
class WifiAccessPoint:
    """Opens and closes the network. `folder` takes the file with the passphrase while nmcli reads it."""

    folder: Path
    boot_files: Sequence[Path] = BOOT_FILES

    def state(self) -> AccessPoint:
        """Return what is open; on a computer without NetworkManager or Wi-Fi, why nothing is."""
        opens_at_boot = any(file.exists() for file in self.boot_files)
        try:
            found = _open_networks()
            consequence = _consequence(found[0].device if found else wifi_device().name)
        except PioreactorError as error:
            return AccessPoint(False, opens_at_boot=opens_at_boot, problem=f"{error}. {error.remedy}")
        if not found:
            return AccessPoint(False, opens_at_boot=opens_at_boot, consequence=consequence)
        network = found[0]
        address = nmcli("-g", "IP4.ADDRESS", "device", "show", network.device).partition("|")[0].strip()
        clients = neighbors_in(_NEIGHBORS.read_text(encoding="ascii"), network.device) if _NEIGHBORS.exists() else []
        return AccessPoint(
            True, network.ssid, network.device, address or None, clients, opens_at_boot, consequence=consequence
        )

    def start(self, settings: LocalAccessPointSettings, *, even_if_disconnected: bool = False) -> None:
        """Open the network. Raise `ConfigurationError`, `AccessPointError`, or `ConflictError` if it is open already.

        Without `even_if_disconnected`, raise `ConflictError` if a connection ends by it.
        """
        check(settings)
        for network in _open_networks():
            raise ConflictError(
                f"{network.ssid!r} is open already, on {network.device}", remedy="Close it first: pio access-point stop"
            )
        device = wifi_device()
        if nmcli("-g", "WIFI-PROPERTIES.AP", "device", "show", device.name).strip() == "no":
            raise AccessPointError(
                f"the Wi-Fi adapter {device.name} cannot open a network", remedy="Use another Wi-Fi adapter."
            )
        _refuse_to_disconnect(device.name, is_meant=even_if_disconnected)
        with suppress(AccessPointError):  # there is none, usually
            nmcli("connection", "delete", "id", PROFILE)
        nmcli(*_profile(settings, device.name))
        try:
            self._activate(settings.passphrase)
        except AccessPointError:
            with suppress(AccessPointError):  # the first failure counts
                nmcli("connection", "delete", "id", PROFILE)
            raise

    def stop(self, *, even_if_disconnected: bool = False) -> None:
        """Close the network that `start` opened. Raise `ConflictError` if there is none, `AccessPointError`.

        Without `even_if_disconnected`, raise `ConflictError` if this computer cannot be reached otherwise.
        """
        found = _open_networks()
        if not found:
            raise ConflictError("no access point is open", remedy="Open it: pio access-point start")
        network = found[0]
        if network.profile != PROFILE:
            raise ConflictError(
                f"{network.ssid!r} was opened as {network.profile!r}, not by this software",
                remedy=f"Close it by hand: nmcli connection down uuid {network.uuid}",
            )
        _refuse_to_disconnect(network.device, is_meant=even_if_disconnected)
        nmcli("connection", "delete", "uuid", network.uuid)

    def _activate(self, passphrase: str) -> None:
        """Have NetworkManager take the passphrase from a file: everybody can read the arguments of a command."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self.folder, prefix="wifi-", encoding="ascii") as file:
            file.write(f"{_SECURITY}.psk:{passphrase}\n")
            file.flush()
            activate = ("connection", "up", "id", PROFILE, "passwd-file", file.name)
            nmcli("--wait", str(_ACTIVATION_S), *activate, timeout_s=_ACTIVATION_S + TIMEOUT_S)


def check(settings: LocalAccessPointSettings) -> None:
    """Raise `ConfigurationError` for a name, passphrase or address that no network can have."""
    if not 1 <= len(settings.ssid.encode()) <= 32 or not settings.ssid.isprintable():
        raise ConfigurationError(
            f"[local_access_point] ssid has {len(settings.ssid.encode())} bytes",
            remedy="Give it 1 to 32 bytes, all printable.",
        )
    if _PASSPHRASE.fullmatch(settings.passphrase) is None:
        what = "is missing" if not settings.passphrase else f"has {len(settings.passphrase)} characters"
        raise ConfigurationError(
            f"[local_access_point] passphrase {what}",
            remedy="Give it 8 to 63 letters, digits and signs; no backslash, nothing outside of ASCII.",
        )
    try:
        address = ipaddress.IPv4Interface(settings.inet_address)
    except ValueError as error:
        raise ConfigurationError(
            f"[local_access_point] inet_address: {error}", remedy="Give it as 10.42.0.1/24."
        ) from error
    if not address.is_private or not 8 <= address.network.prefixlen <= 30:
        raise ConfigurationError(
            f"[local_access_point] inet_address = {address} is not an address in a private network",
            remedy="Give it as 10.42.0.1/24.",
        )


def neighbors_in(table: str, device: str) -> list[str]:
    """Return the addresses that answered on a device, from the text of /proc/net/arp."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return sorted(row[0] for row in rows if len(row) == 6 and row[5] == device and row[2] != "0x0")


def _profile(settings: LocalAccessPointSettings, device: str) -> tuple[str, ...]:
    cipher = _CIPHERS[settings.proto]
    return (
        *("connection", "add", "save", "no", "type", "wifi", "con-name", PROFILE, "ifname", device),
        *("autoconnect", "no", "ssid", settings.ssid, f"{_WIFI}.mode", "ap"),
        *(f"{_SECURITY}.key-mgmt", "wpa-psk", f"{_SECURITY}.proto", settings.proto),
        *(f"{_SECURITY}.pairwise", cipher, f"{_SECURITY}.group", cipher),
        *("ipv4.method", "shared", "ipv4.addresses", settings.inet_address, "ipv6.method", "disabled"),
    )


def _open_networks() -> list[_Open]:
    shown = rows(nmcli("-t", "-f", "UUID,TYPE,DEVICE,NAME", "connection", "show", "--active"))
    found = []
    for uuid, _, device, name in (row for row in shown if row[1] == _WIFI):
        facts = nmcli("-g", f"{_WIFI}.mode,{_WIFI}.ssid", "connection", "show", "uuid", uuid).splitlines()
        if facts[0].strip() == "ap":
            found.append(_Open(uuid, name, device, unescaped(facts[1])))
    return found


def _consequence(name: str) -> str | None:
    """Return what ends when a Wi-Fi adapter changes from a network to another; None where nothing does."""
    connected = [one for one in devices() if one.is_connected and one.type in ("wifi", "ethernet")]
    if all(one.name != name for one in connected):
        return None
    others = [one.name for one in connected if one.name != name]
    rest = f"{', '.join(others)} stays connected" if others else "it is the only way to reach this computer"
    return f"the present connection of {name} ends: {rest}"


def _refuse_to_disconnect(device: str, *, is_meant: bool) -> None:
    consequence = _consequence(device)
    if consequence is not None and not is_meant:
        raise ConflictError(consequence, remedy="Confirm that (even_if_disconnected, --yes), or connect a cable first.")
