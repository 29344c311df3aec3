"""A unit in virtual time whose rig is a recording double: its sensors show what a test says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pioreactor import topics
from pioreactor.bootstrap.simulated import Simulation, build_simulation
from pioreactor.devices.spy_rig import SpyPwm, SpyRig
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT


class SpyUnit:
    """Runs jobs on a `SpyRig`; the driving code makes time pass."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.clock = simulation.clock
        self.broker = simulation.broker
        self.rig = SpyRig(gates=self.clock.signal)
        unit = simulation.units[0]
        self.runtime = dataclasses.replace(unit.runtime, open_rig=lambda: self.rig)
        self.name = unit.name
        self.jobs: list[Any] = []
        self.failures: list[Exception] = []
        self.messages: list[tuple[str, bytes]] = []
        """(topic, payload) of everything that was published, in order."""
        self.bus = self.broker.connect("test")
        self.bus.subscribe("#", lambda message: self.messages.append((message.topic, message.payload)))

    def start(self, make: Callable[[], Any], *, run_for_s: float = 1.0) -> Any:
        """Start a job as a process of its own would, let time pass, and return it (or raise what it raised)."""

        def body() -> None:
            context.use(self.runtime)
            try:
                job = make()
            except Exception as error:
                self.failures.append(error)
                raise
            self.jobs.append(job)
            job.block_until_disconnected()

        self.clock.spawn(body, name="job")
        try:
            self.clock.sleep(run_for_s)
        except Exception:
            assert self.failures
            raise
        return self.jobs[-1]

    @property
    def heater(self) -> SpyPwm:
        return self.rig.pwm_of("heating")

    @property
    def duty(self) -> float:
        """Duty of the heater's pin [%], whichever process drives it."""
        return self.rig.duties.get(self.rig.role_pins["heating"], 0.0)

    def set_board_celsius(self, celsius: Any) -> None:
        """Let the thermometer of the heating board show this [°C]."""
        self.rig.thermometer().will_read(celsius)

    def logged(self, level: str) -> list[str]:
        """Return the payloads of what was logged at a level ("error"), oldest first."""
        return [payload.decode() for topic, payload in self.messages if topic.endswith(f"/{level}")]

    def payloads(self, name: str) -> list[bytes]:
        """Return what an automation published under this name, oldest first."""
        return [payload for topic, payload in self.messages if topic.endswith(f"_automation/{name}")]

    def command(self, job: str, setting: str, value: str) -> None:
        """Ask for another value of a setting over MQTT."""
        self.bus.publish(topics.set_setting(self.name, EXPERIMENT, job, setting), value)


@contextmanager
def spy_unit(**options: Any) -> Iterator[SpyUnit]:
    """Set up a unit; its jobs end with the block. Options are those of `build_simulation`."""
    spied = SpyUnit(build_simulation(experiment=EXPERIMENT, **options))
    try:
        yield spied
    finally:
        spied.broker.start()
        for job in spied.jobs:
            job.clean_up()
        spied.clock.sleep(0.0)
