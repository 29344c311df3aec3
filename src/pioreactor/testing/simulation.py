"""A bench with simulated reactors in virtual time: start jobs, let hours pass, look at what they said and did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec

from pioreactor import topics
from pioreactor.bootstrap.simulated import SimulatedUnit, Simulation, build_simulation
from pioreactor.calibrations.defaults import install_simulated
from pioreactor.messaging.ports import Message
from pioreactor.runtime import context
from pioreactor.types import UNIVERSAL_IDENTIFIER


class _Endable(Protocol):
    def clean_up(self) -> None: ...


J = TypeVar("J", bound=_Endable)
EXPERIMENT = "simulation"


@dataclass
class Bench:
    """Reactors on a bench. Nothing happens but in `wait`, and in waits of the code that a test calls."""

    simulation: Simulation
    messages: list[Message] = field(default_factory=list)
    """Everything that was published while the broker could be reached, in order."""
    _jobs: list[_Endable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bus = self.simulation.broker.connect("bench")
        self.bus.subscribe("#", self._on_message)

    def _on_message(self, message: Message) -> None:
        if not message.retain:
            self.messages.append(message)

    @property
    def unit(self) -> SimulatedUnit:
        """Return the first unit, which leads."""
        return self.simulation.units[0]

    def start(self, make: Callable[[], J], *, on: SimulatedUnit | None = None) -> J:
        """Construct a job on a unit; it is ended with the bench."""
        with context.using((on if on is not None else self.unit).runtime):
            job = make()
        self._jobs.append(job)
        return job

    def wait(self, duration_s: float) -> None:
        """Let time pass."""
        self.simulation.clock.sleep(duration_s)

    def set(self, job: str, setting: str, value: object, *, unit: str | None = None, retain: bool = False) -> None:
        """Command a setting over MQTT; `unit` may be "$broadcast"."""
        who = unit if unit is not None else self.unit.name
        self.bus.publish(topics.set_setting(who, EXPERIMENT, job, setting), str(value), retain=retain)

    def set_on_all(self, job: str, setting: str, value: object) -> None:
        """Command a setting of every unit."""
        self.set(job, setting, value, unit=UNIVERSAL_IDENTIFIER)

    def payloads(self, rest: str, *, unit: str | None = None) -> list[bytes]:
        """Return what was published on `<job>/<setting>` (or `dosing_events`, …) of a unit, oldest first."""
        wanted = topics.event(unit if unit is not None else self.unit.name, EXPERIMENT, rest)
        return [message.payload for message in self.messages if message.topic == wanted]

    def decoded(self, rest: str, *, unit: str | None = None) -> list[Any]:
        """Return the same, decoded from JSON; empty payloads are skipped."""
        return [msgspec.json.decode(payload) for payload in self.payloads(rest, unit=unit) if payload]

    def states(self, job: str) -> list[str]:
        """Return the states that a job announced, oldest first."""
        return [payload.decode() for payload in self.payloads(f"{job}/$state")]

    def retained(self, rest: str, *, unit: str | None = None) -> bytes | None:
        """Return what the broker keeps, None for nothing."""
        topic = topics.event(unit if unit is not None else self.unit.name, EXPERIMENT, rest)
        return self.simulation.broker.retained.get(topic)

    def logged(self, level: str = "#") -> list[str]:
        """Return the messages that were logged at a level ("warning"), or at any."""
        found = []
        for message in self.messages:
            if topics.matches(topics.of_any_unit(f"logs/+/{level}"), message.topic):
                found.append(str(msgspec.json.decode(message.payload)["message"]))
        return found

    def close(self) -> None:
        """End every job, the newest first, and look once more at what that gives."""
        while self._jobs:
            self._jobs.pop().clean_up()
        self.wait(1.0)
        self.bus.close()


@contextmanager
def simulated_bench(*, calibrated_pumps: bool = True, **options: Any) -> Iterator[Bench]:
    """Set up a bench; options are those of `pioreactor.bootstrap.simulated.build_simulation`."""
    simulation = build_simulation(experiment=EXPERIMENT, **options)
    if calibrated_pumps:
        for unit in simulation.units:
            install_simulated(unit.runtime)
    bench = Bench(simulation)
    try:
        yield bench
    finally:
        bench.close()
