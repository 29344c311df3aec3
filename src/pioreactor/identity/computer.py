"""Facts about the computer a unit runs on."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path
from typing import Final

from pioreactor.devices.hat import DEVICE_TREE_HAT, read_hat

POWER_OFF: Final = ("systemctl", "--no-ask-password", "poweroff")
REBOOT: Final = ("systemctl", "--no-ask-password", "reboot")
RESTART_WEB_SERVER: Final = ("systemctl", "--no-ask-password", "--no-block", "restart", "pioreactor-web.service")
"""Systemd asks polkit whether the account may."""
POLKIT_REMEDY: Final = (
    "Install the rule that lets this account do so: "
    "sudo /opt/pioreactor/current/bin/python -P -m pioreactor.install machine"
)
_CLOCK: Final = ("timedatectl", "show", "--property=NTPSynchronized", "--value")


class Computer:
    """Facts read from the kernel; what it does not report is None."""

    def __init__(self, *, belongs_to_reactor: bool = True, device_tree_hat: Path = DEVICE_TREE_HAT) -> None:
        """`belongs_to_reactor`: False on a computer that only simulates a reactor; it is never powered off."""
        self.belongs_to_reactor = belongs_to_reactor
        self._device_tree_hat = device_tree_hat

    def versions(self) -> dict[str, str | None]:
        """Return the machine's model and the HAT's version; the firmware is known to the rig."""
        hat = read_hat(self._device_tree_hat)
        return {
            "rpi_machine": self._machine(),
            "hat": hat.version if hat is not None else None,
            "hat_serial": hat.serial if hat is not None else None,
            "firmware": None,
        }

    def _machine(self) -> str:
        model = Path("/proc/device-tree/model")
        if model.exists():
            return model.read_text(encoding="utf-8", errors="replace").strip("\x00 \n")
        return f"{platform.system()} {platform.machine()}"

    def statistics(self, data_root: Path) -> dict[str, float | None]:
        """Return free disk [GB] and the processor's temperature [°C], None where there is no sensor."""
        existing = next((p for p in (data_root, *data_root.parents) if p.exists()), Path("/"))
        disk = os.statvfs(existing)
        return {
            "available_disk_space": round(disk.f_bavail * disk.f_frsize / 1e9, 2),
            "cpu_temperature_celcius": self._cpu_celsius(),
        }

    def _cpu_celsius(self) -> float | None:
        sensor = Path("/sys/class/thermal/thermal_zone0/temp")
        try:
            return round(int(sensor.read_text()) / 1000)
        except (OSError, ValueError):
            return None

    def ipv4(self) -> str:
        """Return this machine's address on its network; no packet is sent."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
            except OSError:
                return "127.0.0.1"
            return str(probe.getsockname()[0])

    def mac_addresses(self) -> tuple[str | None, str | None]:
        """Return the hardware addresses of wlan0 and eth0, None where there is none."""

        def address(interface: str) -> str | None:
            try:
                return Path(f"/sys/class/net/{interface}/address").read_text().strip()
            except OSError:
                return None

        return address("wlan0"), address("eth0")

    def is_clock_synchronized(self) -> bool | None:
        """Return whether the clock follows a time server; None when the operating system does not tell."""
        from pioreactor.processes.system_command import SystemCommandError, run_system_command

        try:
            return {"yes": True, "no": False}.get(run_system_command(_CLOCK, timeout_s=3.0).strip())
        except SystemCommandError:
            return None

    def is_on_network(self) -> bool:
        """Return whether this machine has an address that others could reach."""
        return not self.ipv4().startswith("127.")

    def is_undervolted(self) -> bool:
        """Return whether the kernel of a Raspberry Pi reports undervoltage now; False where it reports nothing."""
        flags = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
        try:
            return bool(int(flags.read_text(), 16) & 1)
        except (OSError, ValueError):
            return False

    def is_slow(self) -> bool:
        """Return whether this machine has a single core, which is better spent on readings."""
        return (os.cpu_count() or 1) < 2

    def may_write(self, path: Path) -> bool:
        """Return whether this process may change a file or folder; True for what is not there."""
        return not path.exists() or os.access(path, os.W_OK)

    def web_server_fault(self, host: str, port: int, *, is_secure: bool, timeout_s: float = 3.0) -> str | None:
        """Check the health of this unit's web server; return None when it is healthy, else the fault.

        A few bytes over a socket: an HTTP client costs the monitor a megabyte.
        """
        try:
            with socket.create_connection((host, port), timeout_s) as connection:
                if is_secure:
                    return None
                connection.sendall(f"GET /unit_api/health HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                received = connection.recv(64).split()
        except OSError as error:
            return str(error)
        return (
            None
            if len(received) > 1 and received[1] == b"200"
            else f"it says {b' '.join(received[:2])[:20].decode('latin-1')!r}"
        )

    def power_off(self) -> bool:
        """Switch the machine off; return False, doing nothing, where it does not belong to the reactor.

        Raise `OSError` when it is refused, or when systemd does not answer within 30 s.
        """
        if not self.belongs_to_reactor:
            return False
        from pioreactor.processes.system_command import SystemCommandError, run_system_command

        try:
            run_system_command(POWER_OFF, timeout_s=30.0)
        except SystemCommandError as error:
            raise OSError(f"the machine refuses to power off: {error}") from error
        return True


class SimulatedComputer(Computer):
    """The same answers on every computer, so that a simulation's records depend on its seed alone."""

    def __init__(self) -> None:
        super().__init__(belongs_to_reactor=False)

    def versions(self) -> dict[str, str | None]:
        return {"rpi_machine": "simulated", "hat": "1.2", "hat_serial": None, "firmware": "0.5"}

    def statistics(self, data_root: Path) -> dict[str, float | None]:  # noqa: ARG002  there is no disk to ask
        return {"available_disk_space": 100.0, "cpu_temperature_celcius": 40.0}

    def ipv4(self) -> str:
        return "127.0.0.1"

    def mac_addresses(self) -> tuple[str | None, str | None]:
        return None, None

    def is_clock_synchronized(self) -> bool | None:
        return None  # the time is simulated

    def is_on_network(self) -> bool:
        return True

    def is_undervolted(self) -> bool:
        return False

    def is_slow(self) -> bool:
        return True

    def may_write(self, path: Path) -> bool:  # noqa: ARG002  nothing is written
        return True

    def web_server_fault(self, host: str, port: int, *, is_secure: bool, timeout_s: float = 3.0) -> str | None:  # noqa: ARG002
        return None

    def power_off(self) -> bool:
        return False
