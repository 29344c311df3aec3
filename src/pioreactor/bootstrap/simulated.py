"""Units of virtual time: the same jobs on simulated reactors, all in this process."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from pioreactor import topics
from pioreactor.bootstrap.sim_process import SimProcess
from pioreactor.clock.ports import Clock
from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.board import Board, load_board
from pioreactor.devices.lab_bench import LabBench
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.ports import Ownership, Rig
from pioreactor.devices.rig import open_rig
from pioreactor.identity.computer import SimulatedComputer
from pioreactor.identity.unit import FixedInventory, UnitIdentity
from pioreactor.messaging.memory import LinkFaults, MemoryBroker, MemoryBus
from pioreactor.messaging.ports import BrokerAddress, Message, Will
from pioreactor.models import find_model, load_models
from pioreactor.runtime.context import Runtime
from pioreactor.settings.load import settings_of_text
from pioreactor.states import JobState
from pioreactor.storage.artifacts import MemoryArtifacts
from pioreactor.storage.memory import MemoryUnitStores
from pioreactor.storage.paths import Paths
from pioreactor.storage.ports import RecordSink
from pioreactor.twin.buses import build_chips, open_buses
from pioreactor.twin.chips.ports import Chip
from pioreactor.twin.lab_bench import TwinLabBench
from pioreactor.twin.scenarios import Scenario, find_scenario
from pioreactor.twin.vial_camera import SimulatedCamera
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World
from pioreactor.types import Experiment, Unit

START = datetime(2030, 1, 1, tzinfo=UTC)
DEFAULT_MODEL = ("pioreactor_20ml", "1.5")
FIRST_PID = 100
PIDS_PER_UNIT = 10_000
"""Numbers of processes differ between units and from those of code outside of processes."""


@dataclass
class SimulatedUnit:
    """One unit and its reactor. What `run` starts is a process of its own, which can be killed."""

    runtime: Runtime
    """What code outside any process uses, such as a test's."""
    world: World
    clock: VirtualClock
    broker: MemoryBroker
    stores: MemoryUnitStores
    ownership: MemoryOwnership
    board: Board
    processes: list[SimProcess] = field(default_factory=list)
    link: LinkFaults | None = None
    """What happens to messages of this unit; see `set_link`."""
    is_cut_off: bool = False
    lab_bench: LabBench = field(init=False)
    _chips: dict[int, Chip] = field(init=False)
    _last_pid: int = field(init=False)

    def __post_init__(self) -> None:
        self._chips = build_chips(self.world)
        self.lab_bench = TwinLabBench(self.world)
        self._last_pid = self.runtime.pid * PIDS_PER_UNIT

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

    # ---- processes -----------------------------------------------------------------------------------------

    def run(
        self, job: Callable[[], Any], *, name: str, alter: Callable[[Runtime], Runtime] = lambda runtime: runtime
    ) -> SimProcess:
        """Run code beside everything else as a process of this unit; it finds its runtime in `context.current()`.

        `alter` changes the runtime that the process starts from, as an environment of its own does.
        """
        self._last_pid += 1
        process = SimProcess(
            job,
            name=name,
            pid=self._last_pid,
            runtime=alter(self.runtime),
            clock=self.clock,
            table=self.ownership,
            connect=self._connect,
            open_rig=self._open_rig,
        )
        self.processes = [known for known in self.processes if known.is_alive]
        self.processes.append(process)
        return process

    def is_alive(self, pid: int) -> bool:
        """Say whether a process lives; code outside of processes always does."""
        return pid == self.runtime.pid or any(process.pid == pid and process.is_alive for process in self.processes)

    def cut_power(self) -> None:
        """Take the power away: everything ends at once, volatile storage is empty, all outputs are off."""
        for process in list(self.processes):
            process.kill()
        self.processes.clear()
        self.stores.reboot()
        self.ownership.reboot()
        for role in list(self.world.outputs):
            self.world.set_output(role, 0.0, hz=100.0)
        for channel in list(self.world.optics.leds):
            self.world.set_led(channel, 0.0)
        self._chips = build_chips(self.world)

    # ---- its network ---------------------------------------------------------------------------------------

    def set_link(self, faults: LinkFaults | None) -> None:
        """Let messages of this unit be lost, late or repeated from now on; None for none of that."""
        self.link = faults
        for bus in self._open_buses():
            bus.faults = faults

    def cut_network(self, *, announce: bool = True) -> None:
        """Take this unit off the network. With `announce` the broker notices and sends wills."""
        self.is_cut_off = True
        for bus in self._open_buses():
            bus.is_network_down = True
            bus.lose_connection(send_will=announce)

    def mend_network(self) -> None:
        self.is_cut_off = False
        for bus in self._open_buses():
            bus.is_network_down = False
            bus.restore_connection()

    def _open_buses(self) -> list[MemoryBus]:
        return [bus for process in self.processes if process.is_alive for bus in process.buses.open]

    def _connect(self, client_name: str, will: Will | None) -> MemoryBus:
        bus = self.broker.connect(client_name, will=will)
        bus.faults = self.link
        if self.is_cut_off:
            bus.is_network_down = True
            bus.lose_connection(send_will=False)
        return bus

    def _open_rig(self, clock: Clock, ownership: Ownership) -> Rig:
        return open_rig(
            self.board,
            open_buses(self.world, self._chips),
            clock,
            ownership,
            pwm_roles=self.runtime.settings.pwm_channel_of,
            hat_present=True,
        )


@dataclass
class Simulation:
    """A cluster in virtual time. Its holder drives it: `clock.sleep` makes time pass."""

    clock: VirtualClock
    broker: MemoryBroker
    units: list[SimulatedUnit]

    def unit(self, name: str) -> SimulatedUnit:
        return next(unit for unit in self.units if unit.name == name)

    def mirror_to(self, address: BrokerAddress) -> Callable[[], None]:
        """Send all messages on to a broker that other programs reach, retained ones as such; return what ends that."""
        from pioreactor.messaging.mqtt import MqttBusFactory  # only those who mirror pay for the network

        source, target = self.broker.connect("mirror"), MqttBusFactory(address, "simulation").connect("mirror")
        retained: set[str] = set()

        def send_on(message: Message) -> None:
            topic = message.topic
            is_retained = topic in retained or self.broker.retains(topic)
            if is_retained:
                retained.add(topic)
            target.publish(topic, message.payload, qos=message.qos, retain=is_retained)

        source.subscribe(f"{topics.ROOT}/#", send_on)

        def end() -> None:
            source.close()
            target.close()

        return end


def build_simulation(
    *,
    units: Sequence[str] = ("unit1",),
    experiment: str = "simulation",
    scenario: str | Scenario = "standard",
    seed: int = 0,
    model: tuple[str, str] = DEFAULT_MODEL,
    models: Mapping[str, tuple[str, str]] = {},
    scenarios: Mapping[str, Scenario] = {},
    hat: str = "1.2",
    config: str = "",
    configs: Mapping[str, str] = {},
    data_root: Path = Path("simulation"),
    open_records: Callable[[], RecordSink] | None = None,
    start: datetime = START,
    only: Container[str] | None = None,
) -> Simulation:
    """Return simulated units, the first of which leads. Equal arguments give equal behavior, byte for byte.

    `models`, `scenarios` and `configs` have those of units that differ from `model`, `scenario` and `config`.
    Units that are not in `only` are omitted; the others are what they are without it.
    """
    clock = VirtualClock(start)
    broker = MemoryBroker(clock)
    chosen = find_scenario(scenario) if isinstance(scenario, str) else scenario
    built = [
        _build_unit(
            Unit(name),
            leader=units[0],
            experiment=Experiment(experiment),
            scenario=scenarios.get(name, chosen),
            seed=seed * 1000 + number,
            model=models.get(name, model),
            hat=hat,
            config=configs.get(name, config),
            paths=Paths.below(data_root / name),
            clock=clock,
            broker=broker,
            pid=FIRST_PID + number,
            open_records=open_records if name == units[0] else None,
        )
        for number, name in enumerate(units)
        if only is None or name in only
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
    stores = MemoryUnitStores(
        journal_id=f"simulated-{name}", alive=lambda pid, _started_at: unit.is_alive(pid), now=clock.now
    )
    runtime = Runtime(
        identity=UnitIdentity(name, leader, FixedInventory(experiment, chosen_model=model)),
        settings=settings,
        paths=paths,
        clock=clock,
        buses=broker,
        stores=stores,
        artifacts=MemoryArtifacts(),
        ownership=ownership,
        open_rig=lru_cache(maxsize=1)(lambda: unit._open_rig(clock, ownership)),
        model=lambda: chosen_model,
        computer=SimulatedComputer(),
        pid=pid,
        open_camera=lambda: SimulatedCamera(world),
        open_records=open_records,
    )
    unit = SimulatedUnit(runtime, world, clock, broker, stores, ownership, board)
    return unit


def open_simulation_records(path: Path, *, is_shared: bool = False) -> RecordSink:
    """Open a leader database that a simulation writes to: alone, which is fast, or while others read it."""
    from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink

    return SqliteRecordSink(path, mode="shared" if is_shared else "alone")
