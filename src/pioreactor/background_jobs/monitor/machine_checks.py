"""Health checks of the computer and its services."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from pioreactor import error_codes, structs
from pioreactor.background_jobs.monitor.health_checks import Fault, HealthCheck
from pioreactor.http.addresses import base_url
from pioreactor.runtime.context import Runtime
from pioreactor.settings.faulty_values import within_model
from pioreactor.settings.load import load_settings

MIN_FREE_DISK_GB: Final = 3.0
MAX_PROCESSOR_CELSIUS: Final = 80.0
MAX_BACKUP_AGE: Final = timedelta(days=30)
BACKUP_CACHE: Final = "database_backups"
LEADER_SERVICES: Final = {"mqtt_to_db_streaming": "records of the units do not reach the database"}


class MachineChecks:
    """Checks that need no reactor."""

    def __init__(self, runtime: Runtime, is_connected: Callable[[], bool]) -> None:
        self._runtime = runtime
        self._machine = runtime.computer
        self._is_connected = is_connected
        self.statistics: dict[str, float | None] = {}
        """Result of the last check of the disk; published by the monitor."""

    def quick(self) -> list[HealthCheck]:
        """Return the checks that run twice a minute."""
        checks = [
            HealthCheck("disk", self.disk),
            HealthCheck("processor", self.processor),
            HealthCheck("web server", self.web_server, patience=3),
        ]
        if self._runtime.settings.hardware.rig != "sim":
            # A simulated reactor needs no network.
            checks.append(HealthCheck("network", self.network, patience=2))
        if self._runtime.identity.is_leader:
            checks.append(HealthCheck("database writer", self.services, patience=2))
        else:
            checks.append(HealthCheck("connection to the leader's broker", self.broker, patience=2))
        return checks

    def slow(self) -> list[HealthCheck]:
        """Return the checks that run a few times an hour."""
        checks = [
            HealthCheck("ownership of the data", self.ownership),
            HealthCheck("configuration", self.configuration),
        ]
        if self._runtime.identity.is_leader:
            checks.append(HealthCheck("backup", self.backup))
        elif self._runtime.settings.hardware.rig != "sim":
            checks.append(HealthCheck("clock", self.clock))
        return checks

    def disk(self) -> Fault | None:
        self.statistics = self._machine.statistics(self._runtime.paths.dot_pioreactor)
        free_gb = self.statistics.get("available_disk_space")
        if free_gb is None or free_gb >= MIN_FREE_DISK_GB:
            return None
        return Fault(
            f"Only {free_gb:.1f} GB of disk are free. Export and delete old experiments, or move data elsewhere.",
            error_codes.DISK_IS_ALMOST_FULL,
        )

    def processor(self) -> Fault | None:
        celsius = self.statistics.get("cpu_temperature_celcius")
        if celsius is None or celsius <= MAX_PROCESSOR_CELSIUS:
            return None
        return Fault(
            f"The processor is at {celsius:.0f} °C. Improve its ventilation, and keep it below 37 °C.",
            error_codes.PCB_TEMPERATURE_TOO_HIGH,
        )

    def network(self) -> Fault | None:
        if self._machine.is_on_network():
            return None
        return Fault(
            "This unit has no network. Check the router, the Wi-Fi password, or the cable.",
            error_codes.NO_NETWORK_CONNECTION,
        )

    def broker(self) -> Fault | None:
        if self._is_connected():
            return None
        return Fault(
            "The leader's broker is unreachable. Records are kept on this unit. Check that the leader is on, and "
            "[cluster.topology] leader_address and [mqtt] in the configuration.",
            error_codes.MQTT_CLIENT_NOT_CONNECTED_TO_LEADER,
        )

    def web_server(self) -> Fault | None:
        runtime = self._runtime
        ui = runtime.settings.ui
        addresses = {runtime.unit: "localhost", **runtime.settings.cluster_addresses}
        address = urlsplit(base_url(runtime.unit, addresses, port=ui.port, proto=ui.proto))
        host = address.hostname if address.hostname is not None else "localhost"
        port = address.port if address.port is not None else ui.port
        what = self._machine.web_server_fault(host, port, is_secure=address.scheme == "https")
        if what is None:
            return None
        return Fault(
            f"This unit's web server does not answer ({what}): the pages cannot start or stop jobs here. Start it "
            "again, or reboot the unit: sudo systemctl restart pioreactor-web",
            error_codes.WEB_SERVER_OFFLINE,
            logging.ERROR,
        )

    def clock(self) -> Fault | None:
        """Report a clock that follows no time server; a leader without internet has none to follow."""
        if self._machine.is_clock_synchronized() is not False:
            return None
        return Fault(
            "The clock of this unit follows no time server, and its records may get wrong times. Check that the unit "
            "reaches the leader, and: timedatectl status"
        )

    def services(self) -> Fault | None:
        running = {record.job_name for record in self._runtime.stores.jobs().running()}
        for name, consequence in LEADER_SERVICES.items():
            if name not in running:
                return Fault(
                    f"{name} does not run: {consequence} and wait on the units. Start it: pio run {name}",
                    level=logging.ERROR,
                )
        return None

    def ownership(self) -> Fault | None:
        paths = self._runtime.paths
        closed = [
            path for path in (paths.dot_pioreactor, paths.storage, paths.database) if not self._machine.may_write(path)
        ]
        if not closed:
            return None
        return Fault(
            f"{closed[0].name} belongs to another user and cannot be written. Fix it: sudo pio repair",
            level=logging.ERROR,
        )

    def configuration(self) -> Fault | None:
        """Read the files as they are now: they may have been edited while this job runs."""
        paths = self._runtime.paths
        has_files = paths.global_config.exists() or paths.local_config.exists()
        settings = load_settings(paths.global_config, paths.local_config) if has_files else self._runtime.settings
        settings = within_model(settings, self._runtime.model())
        if not settings.notices:
            return None
        return Fault(
            f"{' '.join(settings.notices)} Correct it on the page Configuration, or with: pio config set",
            level=logging.ERROR if settings.faults else logging.WARNING,
        )

    def backup(self) -> Fault | None:
        now = self._runtime.clock.now()
        kept = self._runtime.stores.persistent(BACKUP_CACHE)
        latest = _parse_time(kept.get("latest_backup_timestamp"))
        if latest is None:
            kept.set_if_absent("watched_since", structs.to_timestamp(now))
            since = _parse_time(kept.get("watched_since"))
            message = "The database was never backed up"
        else:
            since, message = latest, f"The database was last backed up {(now - latest).days} days ago"
        if since is None or now - since < MAX_BACKUP_AGE:
            return None
        return Fault(f"{message}. Back it up: pio run backup_database")


def _parse_time(kept: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(kept))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
