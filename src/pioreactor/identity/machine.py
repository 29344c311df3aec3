"""Facts about the computer a unit runs on."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path


class MachineFacts:
    """Reads what the kernel says; anything it does not say is left out."""

    def versions(self) -> dict[str, str | None]:
        return {"rpi_machine": self._machine(), "hat": None, "hat_serial": None, "firmware": None}

    def _machine(self) -> str:
        model = Path("/proc/device-tree/model")
        if model.exists():
            return model.read_text(encoding="utf-8", errors="replace").strip("\x00 \n")
        return f"{platform.system()} {platform.machine()}"

    def statistics(self, data_root: Path) -> dict[str, float | None]:
        """Return free disk [GB] and the processor's temperature [°C], None where there is no sensor."""
        existing = next((p for p in (data_root, *data_root.parents) if p.exists()), Path("/"))
        return {
            "available_disk_space": round(shutil.disk_usage(existing).free / 1e9, 2),
            "cpu_temperature_celcius": self._cpu_celsius(),
        }

    def _cpu_celsius(self) -> float | None:
        sensor = Path("/sys/class/thermal/thermal_zone0/temp")
        try:
            return round(int(sensor.read_text()) / 1000)
        except (OSError, ValueError):
            return None

    def ipv4(self) -> str:
        """Return this machine's address towards its network; nothing is sent to find out."""
        import socket

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


class SimulatedMachine(MachineFacts):
    """The same answers on every computer, so that a simulation's records depend on its seed alone."""

    def versions(self) -> dict[str, str | None]:
        return {"rpi_machine": "simulated", "hat": "1.2", "hat_serial": None, "firmware": "0.5"}

    def statistics(self, data_root: Path) -> dict[str, float | None]:  # noqa: ARG002  there is no disk to ask
        return {"available_disk_space": 100.0, "cpu_temperature_celcius": 40.0}

    def ipv4(self) -> str:
        return "127.0.0.1"

    def mac_addresses(self) -> tuple[str | None, str | None]:
        return None, None


