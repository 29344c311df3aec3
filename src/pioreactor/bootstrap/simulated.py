"""Units of virtual time: the same jobs on simulated reactors, all in this process, as fast as they can be computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pioreactor import topics
from pioreactor.clock.virtual import VirtualClock, VirtualTask
from pioreactor.devices.board import load_board
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.rig import open_rig
from pioreactor.identity.machine import SimulatedMachine
from pioreactor.identity.unit import FixedInventory, UnitIdentity
from pioreactor.messaging.memory import MemoryBroker
from pioreactor.models import find_model, load_models
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.settings.load import settings_of_text
from pioreactor.states import JobState
from pioreactor.storage.artefacts import MemoryArtefacts
from pioreactor.storage.memory import MemoryUnitStores
from pioreactor.storage.paths import Paths
from pioreactor.storage.ports import RecordSink
from pioreactor.twin.buses import open_buses
from pioreactor.twin.scenarios import Scenario, find_scenario
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World
from pioreactor.types import Experiment, Unit

START = datetime(2030, 1, 1, tzinfo=UTC)
FIRST_PID = 100


@dataclass
class SimulatedUnit:
    """One unit and its reactor."""

    runtime: Runtime
    world: World
    tasks: list[VirtualTask] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.runtime.unit

    def stop_jobs(self, *, leave: Sequence[str] = ()) -> None:
        """Ask every running job to end, as `pio kill` does, but those to leave."""
        bus = self.runtime.buses.connect("kill")
        for record in self.runtime.stores.jobs().running():
            if record.job_name not in leave:
                topic = topics.set_setting(record.unit, record.experiment, record.job_name, "state")
                bus.publish(topic, JobState.DISCONNECTED.encode())
        bus.close()

    def run(self, job: Callable[[], Any], *, name: str) -> VirtualTask:
        """Run code beside everything else, with this unit's runtime, as a process of its own would."""
        clock = self.runtime.clock
        assert isinstance(clock, VirtualClock)

        def body() -> None:
            context.use(self.runtime)
            job()

        task = clock.spawn(body, name=f"{self.name}: {name}")
        self.tasks.append(task)
        return task


@dataclass
class Simulation:
    """A cluster in virtual time. Whoever holds it drives it: `clock.sleep` makes time pass."""

    clock: VirtualClock
    broker: MemoryBroker
    units: list[SimulatedUnit]

    def unit(self, name: str) -> SimulatedUnit:
        return next(unit for unit in self.units if unit.name == name)


def build_simulation(
    *,
    units: Sequence[str] = ("unit1",),
    experiment: str = "simulation",
    scenario: str | Scenario = "standard",
    seed: int = 0,
    model: tuple[str, str] = ("pioreactor_20ml", "1.5"),
    hat: str = "1.2",
    config: str = "",
    data_root: Path = Path("simulation"),
    open_records: Callable[[], RecordSink] | None = None,
    start: datetime = START,
) -> Simulation:
    """Return simulated units, the first of which leads. Equal arguments give equal behaviour, byte for byte."""
    clock = VirtualClock(start)
    broker = MemoryBroker(clock)
    chosen = find_scenario(scenario) if isinstance(scenario, str) else scenario
    built = [
        _build_unit(
            Unit(name),
            leader=units[0],
            experiment=Experiment(experiment),
            scenario=chosen,
            seed=seed * 1000 + number,
            model=model,
            hat=hat,
            config=config,
            paths=Paths.below(data_root / name),
            clock=clock,
            broker=broker,
            pid=FIRST_PID + number,
            open_records=open_records if name == units[0] else None,
        )
        for number, name in enumerate(units)
    ]
    return Simulation(clock, broker, built)


def _build_unit(
    name: Unit,
    *,
    leader: str,
    experiment: Experiment,
    scenario: Scenario,
    seed: int,
    model: tuple[str, str],
    hat: str,
    config: str,
    paths: Paths,
    clock: VirtualClock,
    broker: MemoryBroker,
    pid: int,
    open_records: Callable[[], RecordSink] | None,
) -> SimulatedUnit:
    world = World(scenario, wiring(hat, *model), seed=seed, now_s=clock.monotonic)
    vessel = world.vessel
    shared = (
        f"[cluster.topology]\nleader_hostname={leader}\nleader_address=localhost\n"
        f"[bioreactor]\ninitial_volume_ml={vessel.volume_ml}\nefflux_tube_volume_ml={vessel.efflux_ml}\n"
    )
    settings = settings_of_text(shared, config)
    ownership = MemoryOwnership()
    chosen_model = find_model(load_models(None), *model)
    board = load_board(None, hat_version=hat, model_name=model[0], model_version=model[1])
    rig = open_rig(board, open_buses(world), clock, ownership, pwm_roles=settings.pwm_channel_of, hat_present=True)
    runtime = Runtime(
        identity=UnitIdentity(name, leader, FixedInventory(experiment, chosen_model=model)),
        settings=settings,
        paths=paths,
        clock=clock,
        buses=broker,
        stores=MemoryUnitStores(journal_id=f"simulated-{name}", now=clock.now),
        artefacts=MemoryArtefacts(),
        ownership=ownership,
        open_rig=lambda: rig,
        model=lambda: chosen_model,
        machine=SimulatedMachine(),
        pid=pid,
        open_records=open_records,
    )
    return SimulatedUnit(runtime, world)


def open_simulation_records(path: Path) -> RecordSink:
    """Open a leader database that one simulation alone writes to."""
    from pioreactor.storage.leader.sink import SqliteRecordSink

    return SqliteRecordSink(path, mode="alone")
