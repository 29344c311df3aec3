"""The monitor's looks at the machine and its services. Each knows what to do about trouble."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from pioreactor import error_codes, structs
from pioreactor.background_jobs.monitor.health_checks import Trouble, Watch
from pioreactor.http.addresses import base_url
from pioreactor.runtime.context import Runtime

LITTLE_DISK_GB: Final = 3.0
HOT_PROCESSOR_CELSIUS: Final = 80.0
OLD_BACKUP: Final = timedelta(days=30)
BACKUPS: Final = "database_backups"
LEADER_SERVICES: Final = {"mqtt_to_db_streaming": "nothing that units record reaches the database"}


class MachineChecks:
    """Looks that need no reactor."""

    def __init__(self, runtime: Runtime, is_connected: Callable[[], bool]) -> None:
        self._runtime = runtime
        self._machine = runtime.computer
        self._is_connected = is_connected
        self.statistics: dict[str, float | None] = {}
        """What the last look at the disk found; published by the monitor."""

    def quick(self) -> list[Watch]:
        """Return what is looked at twice a minute."""
        watches = [
            Watch("disk", self.disk),
            Watch("processor", self.processor),
            Watch("web server", self.web_server, patience=3),
        ]
        if self._runtime.settings.hardware.rig != "sim":
            # A simulated reactor lives on a desk, where no network is no trouble.
            watches.append(Watch("network", self.network, patience=2))
        if self._runtime.identity.is_leader:
            watches.append(Watch("database writer", self.services, patience=2))
        else:
            watches.append(Watch("connection to the leader's broker", self.broker, patience=2))
        return watches

    def slow(self) -> list[Watch]:
        """Return what is looked at a few times an hour."""
        watches = [Watch("ownership of the data", self.ownership)]
        if self._runtime.identity.is_leader:
            watches.append(Watch("backup", self.backup))
        return watches

    def disk(self) -> Trouble | None:
        self.statistics = self._machine.statistics(self._runtime.paths.dot_pioreactor)
        free_gb = self.statistics.get("available_disk_space")
        if free_gb is None or free_gb >= LITTLE_DISK_GB:
            return None
        return Trouble(
            f"Only {free_gb:.1f} GB of disk are free. Export and delete old experiments, or move data elsewhere.",
            error_codes.DISK_IS_ALMOST_FULL,
        )

    def processor(self) -> Trouble | None:
        celsius = self.statistics.get("cpu_temperature_celcius")
        if celsius is None or celsius <= HOT_PROCESSOR_CELSIUS:
            return None
        return Trouble(
            f"The processor is {celsius:.0f} °C warm. Give the unit air, and keep it out of an incubator above 37 °C.",
            error_codes.PCB_TEMPERATURE_TOO_HIGH,
        )

    def network(self) -> Trouble | None:
        if self._machine.is_on_network():
            return None
        return Trouble(
            "This unit has no network. Check the router, the Wi-Fi password, or the cable.",
            error_codes.NO_NETWORK_CONNECTION,
        )

    def broker(self) -> Trouble | None:
        if self._is_connected():
            return None
        return Trouble(
            "The leader's broker cannot be reached. Records are kept on this unit. Check that the leader is on, and "
            "[cluster.topology] leader_address and [mqtt] in the configuration.",
            error_codes.MQTT_CLIENT_NOT_CONNECTED_TO_LEADER,
        )

    def web_server(self) -> Trouble | None:
        runtime = self._runtime
        ui = runtime.settings.ui
        addresses = {runtime.unit: "localhost", **runtime.settings.cluster_addresses}
        address = urlsplit(base_url(runtime.unit, addresses, port=ui.port, proto=ui.proto))
        host = address.hostname if address.hostname is not None else "localhost"
        port = address.port if address.port is not None else ui.port
        what = self._machine.web_server_fault(host, port, is_secure=address.scheme == "https")
        if what is None:
            return None
        return Trouble(
            f"This unit's web server does not answer ({what}): the pages cannot start or stop jobs here. Start it "
            "again, or reboot the unit: sudo systemctl restart pioreactor-web",
            error_codes.WEB_SERVER_OFFLINE,
            logging.ERROR,
        )

    def services(self) -> Trouble | None:
        running = {record.job_name for record in self._runtime.stores.jobs().running()}
        for name, consequence in LEADER_SERVICES.items():
            if name not in running:
                return Trouble(
                    f"{name} does not run: {consequence}, and waits on the units. Start it: pio run {name}",
                    level=logging.ERROR,
                )
        return None

    def ownership(self) -> Trouble | None:
        paths = self._runtime.paths
        closed = [
            path for path in (paths.dot_pioreactor, paths.storage, paths.database) if not self._machine.may_write(path)
        ]
        if not closed:
            return None
        return Trouble(
            f"{closed[0].name} belongs to another user and cannot be written. Put it right: sudo pio repair",
            level=logging.ERROR,
        )

    def backup(self) -> Trouble | None:
        now = self._runtime.clock.now()
        kept = self._runtime.stores.persistent(BACKUPS)
        latest = _moment(kept.get("latest_backup_timestamp"))
        if latest is None:
            kept.set_if_absent("watched_since", structs.to_timestamp(now))
            since = _moment(kept.get("watched_since"))
            words = "The database was never backed up"
        else:
            since, words = latest, f"The database was last backed up {(now - latest).days} days ago"
        if since is None or now - since < OLD_BACKUP:
            return None
        return Trouble(f"{words}. Do it now: pio run backup_database")


def _moment(kept: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(kept))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
