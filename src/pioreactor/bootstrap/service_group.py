"""What runs from boot on one unit without systemd: starts it, restarts what ends, stops everything in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pioreactor.bootstrap.process import forks_jobs, pids_of_jobs
from pioreactor.cluster.leader_setup import broker_files
from pioreactor.cluster.membership import reactor_socket
from pioreactor.messaging.broker import find_mosquitto
from pioreactor.processes.launch import module_argv, pio_argv
from pioreactor.processes.service import Service
from pioreactor.processes.termination import interrupt_then_kill, terminate
from pioreactor.processes.watchdog import WatchdogListener
from pioreactor.storage.paths import Paths

STOP_TIMEOUT_S: Final = 8.0
STOP_ORDER: Final = ("monitor", "mqtt_to_db_streaming", "fork_server", "web", "output_guard", "reactor", "broker")


@dataclass(frozen=True, slots=True)
class BootPlan:
    """What a unit is, which decides what runs on it from boot."""

    unit: str
    is_leader: bool
    has_reactor: bool
    is_simulated: bool
    scenario: str = "standard"
    seed: int = 1
    model: tuple[str, str] = ("pioreactor_20ml", "1.5")


@dataclass
class ServiceGroup:
    """The services of one unit. `start`, then `check` about twice a second, then `stop`."""

    plan: BootPlan
    paths: Paths
    environment: Mapping[str, str]
    log: Callable[[str], None] = print
    services: list[Service] = field(default_factory=list)

    def start(self) -> None:
        """Start all services."""
        plan, folder = self.plan, self.paths.run_pioreactor
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if plan.is_leader:
            self._add("broker", self._broker_argv())
        if plan.has_reactor and plan.is_simulated:
            self._add("reactor", self._reactor_argv())
        if plan.has_reactor:
            guard = WatchdogListener(folder / "output_guard.notify")
            self._add("output_guard", module_argv("pioreactor.cli.output_guard"), watchdog=guard)
        if plan.has_reactor and forks_jobs(self.paths):
            self._add("fork_server", module_argv("pioreactor.cli.fork_server"))
        self._add("web", pio_argv("web", "--host", "0.0.0.0"))
        if plan.is_leader:
            self._add("mqtt_to_db_streaming", pio_argv("run", "mqtt_to_db_streaming"))
        self._add("monitor", pio_argv("run", "monitor"))

    def _add(self, name: str, argv: Sequence[str], *, watchdog: WatchdogListener | None = None) -> None:
        service = Service(
            name,
            argv,
            self.environment,
            self._log_path(name),
            max_restart_delay_s=0.0 if watchdog is not None else 30.0,
            watchdog=watchdog,
        )
        service.start()
        self.services.append(service)

    def _log_path(self, name: str) -> Path:
        return self.paths.run_pioreactor / "services" / f"{name}.out"

    def _broker_argv(self) -> Sequence[str]:
        files = broker_files(self.paths)
        mosquitto = find_mosquitto()
        if mosquitto is not None:
            return [mosquitto, "-c", str(files.configuration)]
        options = {
            "--host": "0.0.0.0",
            "--port": str(files.port()),
            "--passwords": str(files.passwords),
            "--permissions": str(files.permissions),
            "--retained": str(files.folder / "retained.msgpack"),
            "--pid-file": str(files.process_id),
        }
        return module_argv("pioreactor.messaging.embedded", *(part for item in options.items() for part in item))

    def _reactor_argv(self) -> Sequence[str]:
        plan = self.plan
        model, version = plan.model
        return module_argv(
            "pioreactor.twin.server",
            *("--socket", str(reactor_socket(self.paths)), "--scenario", plan.scenario, "--seed", str(plan.seed)),
            *("--vial", str(self.paths.simulated_vial)),
            *("--model", model, "--model-version", version),
        )

    def check(self) -> None:
        """Restart services that have ended or hang."""
        for service in self.services:
            if service.restart_if_ended():
                self.log(f"{service.name} has ended; restarting it. Its output is in {service.log_path}.")

    def stop(self) -> None:
        """Stop jobs first, so that outputs go off and records are written; then services, the broker last."""
        self._stop_jobs()
        for name in STOP_ORDER:
            self._terminate(name)
            if name == "web":
                # No process starts jobs any more: one that was being started meanwhile has registered by now.
                self._stop_jobs()
        for service in self.services:
            if service.watchdog is not None:
                service.watchdog.close()
        self.services.clear()

    def _terminate(self, name: str) -> None:
        processes = [service.process for service in self.services if service.name == name]
        terminate([process for process in processes if process is not None], patience_s=STOP_TIMEOUT_S)

    def _stop_jobs(self) -> None:
        own = {service.process.pid for service in self.services if service.process is not None}
        pids = pids_of_jobs(self.paths, report=self.log)
        interrupt_then_kill(pids - own, patience_s=STOP_TIMEOUT_S)
