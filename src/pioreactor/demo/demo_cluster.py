"""The processes of a demo cluster: starts what runs from boot on real units, restarts what ends, stops everything."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pioreactor.bootstrap.process import forks_jobs, http_client, pids_of_jobs
from pioreactor.demo.plan import LEADER, DemoPlan
from pioreactor.demo.shared_clock import SharedClock
from pioreactor.demo.unit_files import broker_accounts, write_configuration
from pioreactor.exc import ConflictError, PioreactorError, UnitUnreachableError
from pioreactor.http.ports import HttpClient
from pioreactor.identity.unit_tokens import WorkerTokens, replace_token
from pioreactor.messaging.broker import Broker
from pioreactor.processes.launch import module_argv, pio_argv
from pioreactor.processes.service import Service
from pioreactor.processes.termination import interrupt_then_kill, terminate
from pioreactor.processes.watchdog import WatchdogListener
from pioreactor.storage.paths import Paths

STOP_TIMEOUT_S: Final = 8.0
START_TIMEOUT_S: Final = 60.0
POLL_INTERVAL_S: Final = 0.1
STOP_ORDER: Final = ("monitor", "mqtt_to_db_streaming", "fork_server", "web", "output_guard", "reactor")


@dataclass
class DemoCluster:
    """Started by `start`, kept running by repeated `check_services`, ended by `stop`."""

    plan: DemoPlan
    log: Callable[[str], None] = print
    http: HttpClient = field(default_factory=http_client)
    services: list[Service] = field(default_factory=list)
    broker: Broker | None = None
    clock: SharedClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = SharedClock(self.plan.directory / "clock", speed=self.plan.speed)

    # ---- its units -----------------------------------------------------------------------------------------

    def paths(self, unit: str) -> Paths:
        return self.plan.paths(unit)

    def environment(self, unit: str) -> dict[str, str]:
        """Return the environment of every process of a unit, and of a `pio` that is to control that unit."""
        paths = self.paths(unit)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH", "TERM") if name in os.environ}
        return {
            **kept,
            "HOSTNAME": unit,
            "DOT_PIOREACTOR": str(paths.dot_pioreactor),
            "RUN_PIOREACTOR": str(paths.run_pioreactor),
            "PIO_LOG_FILE": str(paths.log_file),
            **self.clock.variables(),
        }

    def prepare(self) -> None:
        """Write configuration and secrets of every unit, and start the broker."""
        self.broker = Broker(
            self.plan.directory / "broker", broker_accounts(self.plan), interface=self.plan.host_of(LEADER)
        )
        self.broker.start()
        leader_secrets = self.paths(LEADER).secrets
        tokens = WorkerTokens(leader_secrets)
        leader_secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
        tokens.prepare()
        for worker in self.plan.worker_names:
            replace_token(self.paths(worker).secrets, tokens.ensure(worker))
        tokens.retire_shared()
        for unit in self.plan.units:
            self._clear_volatile_files(unit)
            write_configuration(self.plan, unit, broker_port=self.broker.port)

    def _clear_volatile_files(self, unit: str) -> None:
        """Delete what a reboot deletes, unless a job of an earlier start still runs."""
        paths = self.paths(unit)
        if not paths.volatile_store.exists() or pids_of_jobs(paths, report=self.log):
            return
        shutil.rmtree(paths.run_pioreactor, ignore_errors=True)

    # ---- starting ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start reactors and web servers; return when the leader and all workers answer."""
        self.prepare()
        plan = self.plan
        for number, worker in enumerate(plan.worker_names):
            self.add_service(worker, "reactor", self.twin_argv(worker, plan.seed * 1000 + number))
        for unit in plan.units:
            address = ("--host", plan.host_of(unit), "--port", str(plan.port_of(unit)))
            self.add_service(unit, "web", pio_argv("web", *address))
        self.log("Waiting for the web servers.")
        self._wait_until_serving()

    def start_boot_services(self) -> None:
        """Start what else runs from boot: output guards, database writer and monitors. They need the inventory."""
        for worker in self.plan.worker_names:
            self.add_output_guard(worker)
            if forks_jobs(self.paths(worker)):
                self.add_service(worker, "fork_server", module_argv("pioreactor.cli.fork_server"))
        self.add_service(LEADER, "mqtt_to_db_streaming", pio_argv("run", "mqtt_to_db_streaming"))
        for unit in self.plan.units:
            self.add_service(unit, "monitor", pio_argv("run", "monitor"))

    def add_service(self, unit: str, name: str, argv: Sequence[str]) -> None:
        log_path = self.plan.directory / unit / f"{name}.out"
        self._start(Service(f"{name} of {unit}", self._argv(unit, argv), self.environment(unit), log_path))

    def add_output_guard(self, worker: str, environment: Mapping[str, str] | None = None) -> Service:
        """Start a worker's output guard. It is restarted without delay: until then outputs are unguarded."""
        return self._start(
            Service(
                f"output_guard of {worker}",
                self._argv(worker, module_argv("pioreactor.cli.output_guard")),
                self.environment(worker) if environment is None else environment,
                self.plan.directory / worker / "output_guard.out",
                max_restart_delay_s=0.0,
                watchdog=WatchdogListener(self.paths(worker).run_pioreactor / "output_guard.notify"),
            )
        )

    def _start(self, service: Service) -> Service:
        service.start()
        self.services.append(service)
        return service

    def _argv(self, unit: str, argv: Sequence[str]) -> list[str]:
        return [*self.plan.command_prefix.get(unit, ()), *argv]

    def twin_argv(self, worker: str, seed: int) -> list[str]:
        """Return the argv that serves a worker's simulated reactor."""
        argv = module_argv("pioreactor.twin.server", "--socket", str(self.plan.twin_socket(worker)))
        argv += ["--vial", str(self.paths(worker).simulated_vial)]
        model, version = self.plan.model
        argv += [
            "--scenario",
            self.plan.culture_of(worker),
            "--seed",
            str(seed),
            "--model",
            model,
            "--model-version",
            version,
        ]
        if not self.clock.is_system_clock:
            argv += ["--clock-speed", repr(self.plan.speed), "--clock-origin", repr(self.clock.origin_monotonic_s)]
        return argv

    def resume(self) -> list[str]:
        """Run `pio resume` on every unit, and return a line for each job that ran when this cluster was cut off."""
        lines: list[str] = []
        for unit in (*self.plan.worker_names, LEADER):
            result = subprocess.run(
                self._argv(unit, pio_argv("resume")),
                env=self.environment(unit),
                capture_output=True,
                text=True,
                check=False,
            )
            lines += [f"{unit}: {line}" for line in result.stdout.splitlines() if ": " in line]
        return lines

    def _wait_until_serving(self, timeout_s: float = START_TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        waiting = list(self.plan.units)
        while waiting:
            self._raise_if_ended()
            try:
                if self.http.request("GET", f"{self.plan.url_of(waiting[0])}/unit_api/health").ok:
                    waiting.pop(0)
                    continue
            except UnitUnreachableError:
                pass
            if time.monotonic() > deadline:
                raise PioreactorError(f"the web server of {waiting[0]} does not answer after {timeout_s:g} s")
            time.sleep(POLL_INTERVAL_S)

    def _raise_if_ended(self) -> None:
        for service in self.services:
            if not service.is_running:
                raise ConflictError(
                    f"the {service.name} ended right after its start: {service.log_tail()}",
                    remedy=f"See {service.log_path}; if the port is in use, choose another with --port.",
                )

    # ---- running and stopping ------------------------------------------------------------------------------

    def check_services(self) -> None:
        """Restart services that have ended or hang. Call it about twice a second."""
        self.clock.save_ahead()
        for service in self.services:
            if service.restart_if_ended():
                self.log(f"The {service.name} has ended; restarting it.")
        if self.broker is not None and not self.broker.is_running:
            self.log("The broker has ended; restarting it.")
            self.broker.start()

    def stop(self) -> None:
        """Stop jobs first, so that outputs go off and records are written; then services, the broker last.

        Nothing of it needs the disk, which may be full.
        """
        self.stop_jobs()
        if self.plan.directory.is_dir():
            self.clock.save()
        for kind in STOP_ORDER:
            self._terminate([service for service in self.services if service.name.startswith(kind)])
            if kind == "web":
                # No process starts jobs any more: one that was being started meanwhile has registered by now.
                self.stop_jobs()
        self._terminate(self.services)
        for service in self.services:
            if service.watchdog is not None:
                service.watchdog.close()
        self.services.clear()
        if self.broker is not None:
            self.broker.stop()

    def stop_jobs(self) -> None:
        """Interrupt the process of every job of the units, services excepted."""
        own = {service.process.pid for service in self.services if service.process is not None}
        pids: set[int] = set()
        for unit in self.plan.units:
            pids |= pids_of_jobs(self.paths(unit), report=self.log)
        interrupt_then_kill(pids - own, patience_s=STOP_TIMEOUT_S)

    @staticmethod
    def _terminate(services: Sequence[Service]) -> None:
        terminate([service.process for service in services if service.process is not None], patience_s=STOP_TIMEOUT_S)
