"""A simulated cluster with everything that runs from boot, whose parts can be killed and come back by themselves."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from weakref import WeakSet

from bench.chaos.stores import Disk, FailingSink, RecordingJournal, put_on_disk
from pioreactor import topics
from pioreactor.bootstrap.sim_process import SimProcess
from pioreactor.bootstrap.simulated import SimulatedUnit, Simulation, build_simulation
from pioreactor.calibrations.defaults import install_simulated
from pioreactor.cli import exit_codes
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.commands.resume import mark_gap
from pioreactor.cli.run import run as run_group
from pioreactor.jobs import restart_policy
from pioreactor.jobs.job import BackgroundJob
from pioreactor.output_guard.guard_process import run_output_guard
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime

EXPERIMENT = "chaos"
LEADER, WORKER = "unit1", "unit2"
SERVICE_RETURNS_S = (0.3, 1.6)
"""After how long systemd has a killed service running again."""
BOOT_S = 3.0
CONFIG = "[od_reading.config]\nsamples_per_second=0.02\n[monitor.config]\nenable_button=false\n"
STIR = ("stirring", "--target-rpm", "500")
READ = ("od_reading",)
HEAT = ("temperature_automation", "--automation-name", "thermostat", "--target-temperature", "37")
DOSE = ("dosing_automation", "--automation-name", "chemostat", "--exchange-volume-ml", "0.7", "--duration", "2")
Words = tuple[str, ...]


def jobs_for(unit: str, seed: int) -> list[Words]:
    """Return what should run on a unit: not all of it in each sequence, as some cost much to simulate."""
    if unit == LEADER:
        return [STIR] if seed % 6 == 0 else []
    return [DOSE, (STIR, HEAT, READ)[seed % 3]]


_living: WeakSet[BackgroundJob] = WeakSet()
_become_ready = BackgroundJob._become_ready


def _noted(job: BackgroundJob) -> None:
    _living.add(job)
    _become_ready(job)


BackgroundJob._become_ready = _noted  # type: ignore[method-assign, assignment]


def jobs_of(unit: SimulatedUnit) -> dict[str, BackgroundJob]:
    """Return the job objects of living processes by the topic of their state."""
    return {
        topics.state(job.unit, job.experiment, job.job_name): job
        for job in _living
        if job.runtime.stores is unit.stores and unit.is_alive(job.runtime.pid) and not job._ended.is_set()
    }


@dataclass
class Machine:
    """One unit with its disk, its power, and its init system."""

    unit: SimulatedUnit
    random: random.Random
    disk: Disk
    journal: RecordingJournal
    services: dict[str, Callable[[], object]]
    jobs: list[Words]
    """What should run on it."""
    started: dict[str, SimProcess] = field(default_factory=dict)
    has_power: bool = False
    on_seconds: dict[str, float] = field(default_factory=dict)
    """Role of a pump → how long it really turned, with its interruptions."""
    failed: list[str] = field(default_factory=list)
    _boots: int = 0

    def boot(self) -> None:
        """Start what runs from boot, then what was interrupted."""
        self.has_power = True
        self._boots += 1
        clock, this_boot = self.unit.clock, self._boots

        def start() -> None:
            for name, job in self.services.items():
                clock.sleep(self.random.uniform(0.2, 1.0))
                if this_boot == self._boots and self.has_power:
                    self._start_service(name, job)
            clock.sleep(BOOT_S)
            if this_boot == self._boots and self.has_power:
                self._resume()

        clock.spawn(start, name=f"boot of {self.unit.name}")

    def cut_power(self) -> None:
        self.has_power = False
        self._boots += 1
        self.started.clear()
        self.unit.cut_power()

    def _start_service(self, name: str, job: Callable[[], object]) -> None:
        process = self.unit.run(job, name=name)
        self.started[name] = process
        self.unit.clock.spawn(lambda: self._restart(name, process), name=f"init of {self.unit.name}")

    def _restart(self, name: str, process: SimProcess) -> None:
        """Wait for the end of a service and start it again, as `Restart=always` does."""
        clock, this_boot = self.unit.clock, self._boots
        while process.is_alive:
            clock.sleep(0.5)
        clock.sleep(self.random.uniform(*SERVICE_RETURNS_S))
        if this_boot == self._boots and self.has_power:
            self._start_service(name, self.services[name])

    def start(self, words: Words, **environment: Any) -> SimProcess:
        """Run a command as a process of its own."""

        def alter(runtime: Runtime) -> Runtime:
            return replace(runtime, **environment)

        return self.unit.run(partial(self._command, words), name=words[0], alter=alter)

    def _command(self, words: Words) -> None:
        status = exit_codes.run(run_group, words, obj=CliContext({}, runtime=context.current()))
        if status != 0:
            self.failed.append(f"{self.unit.clock.monotonic():.0f} s: {' '.join(words)} ended with {status}")

    def _resume(self) -> None:
        """Do what `pio resume` does, with processes of virtual time."""
        self.unit.run(self._resume_all, name="resume")

    def _resume_all(self) -> None:
        runtime = context.current()
        interrupted = restart_policy.desired_jobs(runtime)
        for job in interrupted:
            held = restart_policy.policy_for(runtime, job.job_name) == "hold" or job.state == "sleeping"
            self.start(job.argv, job_source="resume", is_resumed=True, starts_sleeping=held)
        if interrupted:
            mark_gap(runtime, {job.experiment for job in interrupted}, restart_policy.last_gap(runtime))

    def user_jobs(self) -> list[SimProcess]:
        return [p for p in self.unit.processes if p.is_alive and p.name not in self.services]


@dataclass
class Cluster:
    """Two units: one leads, the other grows something."""

    simulation: Simulation
    sink: FailingSink
    machines: dict[str, Machine]


def _guarded(unit: SimulatedUnit) -> Callable[[], object]:
    return lambda: run_output_guard(context.current(), unit.clock.signal())


def build_cluster(seed: int) -> Cluster:
    """Return a cluster whose machines have not booted yet."""
    sink = FailingSink()
    simulation = build_simulation(
        units=(LEADER, WORKER),
        experiment=EXPERIMENT,
        scenario="ecoli_turbidostat",
        seed=seed,
        config=CONFIG,
        open_records=lambda: sink,
    )
    machines = {}
    for unit in simulation.units:
        install_simulated(unit.runtime)
        disk = Disk()
        journal = put_on_disk(unit.stores, disk)
        machine = Machine(unit, random.Random(f"{seed}/{unit.name}"), disk, journal, {}, jobs_for(unit.name, seed))
        machine.services["output_guard"] = _guarded(unit)
        names = ("mqtt_to_db_streaming", "monitor") if unit.name == LEADER else ("monitor",)
        for name in names:
            machine.services[name] = partial(machine._command, (name,))
        _count_pump_seconds(machine)
        machines[unit.name] = machine
    return Cluster(simulation, sink, machines)


def _count_pump_seconds(machine: Machine) -> None:
    """Record the outputs of the pumps themselves, independent of the process that set them."""
    world, clock = machine.unit.world, machine.unit.clock
    since: dict[str, float] = {}
    set_output = world.set_output

    def watched(role: str, duty_percent: float, *, hz: float) -> None:
        if role in ("media", "alt_media", "waste"):
            if duty_percent > 0:
                since.setdefault(role, clock.monotonic())
            elif role in since:
                seconds = clock.monotonic() - since.pop(role)
                machine.on_seconds[role] = machine.on_seconds.get(role, 0.0) + seconds
        set_output(role, duty_percent, hz=hz)

    world.set_output = watched  # type: ignore[method-assign]
