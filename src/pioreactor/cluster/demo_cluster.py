"""A whole cluster on one machine: broker, leader, and workers with simulated reactors, each process its own.

It writes each unit's files, starts what runs from boot on real units, restarts what dies, and takes everything down
again without leaving a process.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pioreactor.cluster.heartbeat_listener import HeartbeatListener
from pioreactor.exc import ConflictError, InvalidRequestError, PioreactorError, UnitUnreachableError
from pioreactor.http.ports import HttpClient
from pioreactor.messaging.accounts import Account, Role, make_password
from pioreactor.messaging.broker import Broker
from pioreactor.storage.paths import Paths
from pioreactor.storage.process_identity import is_alive

LEADER = "leader"
LOOPBACK = "127.0.0.1"
VIEWER = "viewer"
STOP_PATIENCE_S = 8.0
FOUR_PHOTODIODES = "\n[od_config.photodiode_channel]\n1=REF\n2=90\n3=135\n4=45\n"
LONGEST_RUN_PATH = 75
"""Of a unit's run directory: names of sockets follow it."""
RESTART_PAUSE_S = 1.0
LIVES_S = 10.0
"""A service that ends sooner has failed to start, and is started again after ever longer pauses."""


@dataclass(frozen=True)
class DemoClusterPlan:
    """What to build. `speed` is how many times faster than real time the cluster lives."""

    directory: Path
    workers: int = 2
    speed: float = 1.0
    port: int = 4999
    scenario: str = "ecoli_turbidostat"
    seed: int = 1
    experiment: str = "demo"
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Addresses of units that are not on the loopback one."""
    enter: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What goes in front of each command of a unit, such as what enters its network namespace."""
    has_four_photodiodes: bool = False
    """Whether the reactors are of the XR kind, which reads light at 45°, 90° and 135°."""

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of every reactor."""
        return "pioreactor_20ml_XR" if self.has_four_photodiodes else "pioreactor_20ml", "1.5"

    @property
    def worker_names(self) -> tuple[str, ...]:
        return tuple(f"worker{number}" for number in range(1, self.workers + 1))


@dataclass
class Service:
    """A process that must be there as long as the cluster is."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log_path: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    died_at: float | None = None
    restarts: int = 0
    """How many times in a row it had to be started again soon after a start."""
    longest_pause_s: float = 30.0
    """Between two starts of one that ends soon after each."""
    heartbeats: HeartbeatListener | None = None
    """Where it says that it lives, if it does."""

    def start(self) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self.started_at = time.monotonic()
        environment = dict(self.environment)
        if self.heartbeats is not None:
            self.heartbeats.begin()
            environment["NOTIFY_SOCKET"] = str(self.heartbeats.path)
        with self.log_path.open("ab" if self.restarts else "wb") as log:
            self.process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end_if_frozen(self) -> bool:
        """End a process that has fallen silent; say whether it had."""
        if self.process is None or self.heartbeats is None or not self.heartbeats.is_silent():
            return False
        self.process.kill()
        self.process.wait()
        return True

    def last_words(self) -> str:
        """Return the end of what the process said."""
        try:
            return self.log_path.read_text(encoding="utf-8", errors="replace")[-600:].strip()
        except OSError:
            return ""


@dataclass
class DemoCluster:
    """Started by `start`, kept alive by `check_services`, ended by `stop`."""

    plan: DemoClusterPlan
    http: HttpClient
    running_jobs: Callable[[Paths], set[int]]
    """Return the processes of living jobs of the unit whose files are there."""
    say: Callable[[str], None] = print
    services: list[Service] = field(default_factory=list)
    broker: Broker | None = None
    _origin: tuple[float, float] = field(init=False)
    _is_ahead: bool = field(init=False)
    """Whether this cluster's clock is not the machine's, and so has to be told to every process."""

    def __post_init__(self) -> None:
        now = time.time()
        reached = self._read_clock()
        self._origin = (max(now, reached), time.monotonic())
        self._is_ahead = self.plan.speed != 1.0 or reached > now

    # ---- time ----------------------------------------------------------------------------------------------

    @property
    def _clock_file(self) -> Path:
        return self.plan.directory / "clock"

    def _read_clock(self) -> float:
        """Return the Unix time that the cluster had reached when it ended: time must not run backwards in its data."""
        try:
            return float(self._clock_file.read_text())
        except (OSError, ValueError):
            return 0.0

    def _note_clock(self) -> None:
        reached = self._origin[0] + (time.monotonic() - self._origin[1]) * self.plan.speed
        self._clock_file.write_text(f"{reached:.3f}\n")

    # ---- files ---------------------------------------------------------------------------------------------

    def paths(self, unit: str) -> Paths:
        below = Paths.below(self.plan.directory / unit)
        if len(str(below.run_pioreactor)) <= LONGEST_RUN_PATH:
            return below
        # The system allows a socket about a hundred characters of path: what does not outlive a boot moves closer.
        name = hashlib.sha256(str(self.plan.directory).encode()).hexdigest()[:12]
        run = Path(tempfile.gettempdir()) / f"pio-{os.getuid()}-{name}" / unit
        return replace(below, run_pioreactor=run, exports=run / "exports", usb=run / "usb")

    def environment(self, unit: str) -> dict[str, str]:
        """Return the environment of every process of a unit, and of `pio` when it should speak to that unit."""
        paths = self.paths(unit)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH", "TERM") if name in os.environ}
        speeding = {
            "PIOREACTOR_CLOCK_SPEED": repr(self.plan.speed),
            "PIOREACTOR_CLOCK_ORIGIN": f"{self._origin[0]!r},{self._origin[1]!r}",
        }
        return {
            **kept,
            "HOSTNAME": unit,
            "DOT_PIOREACTOR": str(paths.dot_pioreactor),
            "RUN_PIOREACTOR": str(paths.run_pioreactor),
            "PIO_LOG_FILE": str(paths.log_file),
            **(speeding if self._is_ahead else {}),
        }

    @property
    def units(self) -> tuple[str, ...]:
        return (LEADER, *self.plan.worker_names)

    def host_of(self, unit: str) -> str:
        return self.plan.hosts.get(unit, LOOPBACK)

    def port_of(self, unit: str) -> int:
        return self.plan.port + self.units.index(unit)

    def url_of(self, unit: str) -> str:
        return f"http://{self.host_of(unit)}:{self.port_of(unit)}"

    def twin_socket(self, unit: str) -> Path:
        return self.paths(unit).run_pioreactor / "reactor.sock"

    def _check(self) -> None:
        if not 1 <= self.plan.workers <= 32:
            raise InvalidRequestError("a cluster on one machine has 1 to 32 workers")

    def prepare(self) -> None:
        """Write configuration and secrets of every unit; what is there from an earlier start is kept."""
        self._check()
        accounts = [Account(unit, self._secret(unit, "broker_password"), self._role(unit)) for unit in self.units]
        viewer = self._secret(LEADER, "viewer_password")
        everybody = [*accounts, Account(VIEWER, viewer, "viewer")]
        self.broker = Broker(self.plan.directory / "broker", everybody, interface=self.host_of(LEADER))
        self.broker.start()
        token = self._secret(LEADER, "cluster_token")
        for unit in self.units:
            self._forget_last_boot(unit)
            self._secret(unit, "cluster_token", token)
            self._write_configuration(unit)

    def _forget_last_boot(self, unit: str) -> None:
        """Empty what a computer forgets when it is switched off, unless a job of an earlier start still lives."""
        paths = self.paths(unit)
        if not paths.volatile_store.exists() or self.running_jobs(paths):
            return
        shutil.rmtree(paths.run_pioreactor, ignore_errors=True)

    @staticmethod
    def _role(unit: str) -> Role:
        return "leader" if unit == LEADER else "unit"

    def _secret(self, unit: str, name: str, value: str | None = None) -> str:
        folder = self.paths(unit).secrets
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        if path.exists():
            return path.read_text().strip()
        chosen = make_password() if value is None else value
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(chosen + "\n")
        return chosen

    def _write_configuration(self, unit: str) -> None:
        assert self.broker is not None
        paths = self.paths(unit)
        paths.run_pioreactor.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (paths.cache, paths.locks, paths.plugins, paths.storage):
            folder.mkdir(parents=True, exist_ok=True)
        addresses = "\n".join(f"{name}={self.host_of(name)}:{self.port_of(name)}" for name in self.units)
        paths.global_config.write_text(
            "# Written by pio demo at each start. Changes for one unit belong into its unit_config.ini.\n"
            f"[cluster.topology]\nleader_hostname={LEADER}\nleader_address={self.host_of(LEADER)}:{self.port_of(LEADER)}\n\n"
            f"[cluster.addresses]\n{addresses}\n\n"
            f"[mqtt]\nbroker_address={self.host_of(LEADER)}\nbroker_port={self.broker.port}\n\n"
            "[bioreactor]\ninitial_volume_ml=14\nefflux_tube_volume_ml=14\n\n"
            "[logging]\nconsole_log_level=INFO\n" + (FOUR_PHOTODIODES if self.plan.has_four_photodiodes else ""),
            encoding="utf-8",
        )
        if not paths.local_config.exists():
            paths.local_config.write_text("", encoding="utf-8")
        self._write_machine_part(unit, paths)

    def _write_machine_part(self, unit: str, paths: Paths) -> None:
        """Set what only this machine knows in the unit's own file, leaving the rest of it alone."""
        from pioreactor.settings.editing import set_value

        values = {
            ("mqtt", "username"): unit,
            ("hardware", "rig"): "sim",
            ("simulation", "socket"): str(self.twin_socket(unit)),
            ("simulation", "scenario"): self.plan.scenario,
            ("logging", "log_file"): str(paths.log_file),
        }
        for (section, key), value in values.items():
            set_value(paths.local_config, section, key, value)

    # ---- processes -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every service and return when the leader and all workers answer."""
        self.prepare()
        for number, worker in enumerate(self.plan.worker_names):
            self._add(worker, "reactor", self._twin_command(worker, self.plan.seed * 1000 + number))
        for unit in self.units:
            self._add(unit, "web", self._pio("web", "--host", self.host_of(unit), "--port", str(self.port_of(unit))))
        self.say("Waiting for the web servers.")
        self._wait_until_serving()

    def start_boot_services(self) -> None:
        """Start what watches units and writes the database; they need the inventory to be there."""
        for worker in self.plan.worker_names:
            self.add_output_guard(worker)
        self._add(LEADER, "mqtt_to_db_streaming", self._pio("run", "mqtt_to_db_streaming"))
        for unit in self.units:
            self._add(unit, "monitor", self._pio("run", "monitor"))

    def resume(self) -> list[str]:
        """Bring back what ran when this cluster was cut off, and return a sentence for each job."""
        sentences: list[str] = []
        for unit in (*self.plan.worker_names, LEADER):
            answer = subprocess.run(
                self._command(unit, self._pio("resume")),
                env=self.environment(unit),
                capture_output=True,
                text=True,
                check=False,
            )
            lines = [line for line in answer.stdout.splitlines() if ": " in line]
            sentences += [f"{unit}: {line}" for line in lines]
        return sentences

    def _command(self, unit: str, argv: Sequence[str]) -> list[str]:
        return [*self.plan.enter.get(unit, ()), *argv]

    def _pio(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "pioreactor.cli.main", *arguments]

    def _twin_command(self, worker: str, seed: int) -> list[str]:
        command = [sys.executable, "-m", "pioreactor.twin.server", "--socket", str(self.twin_socket(worker))]
        model, version = self.plan.model
        command += ["--scenario", self.plan.scenario, "--seed", str(seed), "--model", model, "--model-version", version]
        if self._is_ahead:
            command += ["--clock-speed", repr(self.plan.speed), "--clock-origin", repr(self._origin[1])]
        return command

    def _add(self, unit: str, name: str, argv: Sequence[str]) -> None:
        log_path = self.plan.directory / unit / f"{name}.out"
        service = Service(f"{name} of {unit}", self._command(unit, argv), self.environment(unit), log_path)
        service.start()
        self.services.append(service)

    def add_output_guard(self, worker: str, environment: Mapping[str, str] | None = None) -> Service:
        """Start a worker's supervisor. Outputs wait for it: it is missed at once, and started again without pauses."""
        heartbeats = HeartbeatListener(self.paths(worker).run_pioreactor / "supervisor.notify")
        service = Service(
            f"supervisor of {worker}",
            self._command(worker, [sys.executable, "-m", "pioreactor.cli.output_guard"]),
            self.environment(worker) if environment is None else environment,
            self.plan.directory / worker / "supervisor.out",
            longest_pause_s=0.0,
            heartbeats=heartbeats,
        )
        service.start()
        self.services.append(service)
        return service

    def _wait_until_serving(self, timeout_s: float = 60.0) -> None:
        until = time.monotonic() + timeout_s
        waiting = list(self.units)
        while waiting:
            self._complain_about_the_dead()
            try:
                if self.http.request("GET", f"{self.url_of(waiting[0])}/unit_api/health").ok:
                    waiting.pop(0)
                    continue
            except UnitUnreachableError:
                pass
            if time.monotonic() > until:
                raise PioreactorError(f"the web server of {waiting[0]} does not answer after {timeout_s:g} s")
            time.sleep(0.1)

    def _complain_about_the_dead(self) -> None:
        for service in self.services:
            if not service.is_running:
                raise ConflictError(
                    f"the {service.name} ended at once: {service.last_words()}",
                    remedy=f"See {service.log_path}; if the port is taken, choose another with --port.",
                )

    def check_services(self) -> None:
        """Restart what has died, after a pause, and what is frozen. Call it about twice a second."""
        self._note_clock()
        for service in self.services:
            if service.is_running and not service.end_if_frozen():
                continue
            now = time.monotonic()
            if service.died_at is None:
                service.died_at = now
                service.restarts = service.restarts + 1 if now - service.started_at < LIVES_S else 0
                self.say(f"The {service.name} has ended; it is started again.")
            # One that had lived is back at once: outputs may wait for their supervisor.
            pause_s = min(service.longest_pause_s, RESTART_PAUSE_S * (2**service.restarts - 1))
            if now - service.died_at >= pause_s:
                service.died_at = None
                service.start()
        if self.broker is not None and not self.broker.is_running:
            self.say("The broker has ended; it is started again.")
            self.broker.start()

    def stop(self) -> None:
        """End jobs first, so that outputs go off and records are written; then services, the broker last."""
        self._stop_jobs()
        if self.plan.directory.is_dir():
            self._note_clock()
        order = ("monitor", "mqtt_to_db_streaming", "web", "supervisor", "reactor")
        for kind in order:
            ending = [service for service in self.services if service.name.startswith(kind)]
            self._end([service.process for service in ending if service.process is not None])
            if kind == "web":
                # Nobody starts jobs any more: one that was just being started has registered by now.
                self._stop_jobs()
        self._end([service.process for service in self.services if service.process is not None])
        for service in self.services:
            if service.heartbeats is not None:
                service.heartbeats.close()
        self.services.clear()
        if self.broker is not None:
            self.broker.stop()

    def _stop_jobs(self) -> None:
        """Interrupt every job that a unit's registry knows to live, long-running ones excepted."""
        pids: set[int] = set()
        own = {service.process.pid for service in self.services if service.process is not None}
        for unit in self.units:
            pids |= self.running_jobs(self.paths(unit))
        _interrupt_and_wait(pids - own, STOP_PATIENCE_S)

    @staticmethod
    def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            if process.poll() is None:
                process.terminate()
        until = time.monotonic() + STOP_PATIENCE_S
        for process in processes:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _interrupt_and_wait(pids: set[int], patience_s: float) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        alive = {pid for pid in pids if is_alive(pid, None)}
        for pid in alive:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        until = time.monotonic() + patience_s
        while any(is_alive(pid, None) for pid in alive) and time.monotonic() < until:
            time.sleep(0.05)
