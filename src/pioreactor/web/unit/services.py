"""Services that the routes of a unit use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from pioreactor.calibrations.sessions.actions import Executor, perform_here
from pioreactor.clock.ports import Clock
from pioreactor.devices.lab_bench import LabBench
from pioreactor.http.units import Units
from pioreactor.identity.computer import POWER_OFF, REBOOT, RESTART_WEB_SERVER
from pioreactor.identity.system_clock import set_clock, synchronize
from pioreactor.jobs.payloads import encode_payload
from pioreactor.messaging.ports import Bus
from pioreactor.processes.termination import interrupt
from pioreactor.runtime.context import Runtime
from pioreactor.runtime.journaling_publisher import JournalingPublisher
from pioreactor.storage.paths import Paths
from pioreactor.storage.ports import UnitStores
from pioreactor.web.ports import Catalog
from pioreactor.web.tasks import Tasks
from pioreactor.web.unit.job_launcher import JobLauncher

Power = Mapping[str, Sequence[str]]
POWER: Power = {"reboot": REBOOT, "shutdown": POWER_OFF, "restart": RESTART_WEB_SERVER}
"""Commands that reboot and shut down the computer, and restart this server."""


@dataclass
class UnitServices:
    """Ports of one unit, and the tasks and processes of its server."""

    runtime: Runtime
    bus: Bus
    tasks: Tasks
    launcher: JobLauncher
    catalog: Catalog
    power: Power = field(default_factory=lambda: POWER)
    set_clock: Callable[[datetime], None] = set_clock
    synchronize_clock: Callable[[], None] = synchronize
    perform: Executor = perform_here
    """Runs hardware actions of calibrations."""
    others: Units | None = None
    """Client of the other units of the cluster; None before the unit has joined one."""
    interrupt: Callable[[int], None] = interrupt
    """Interrupts the process with this number."""
    open_lab_bench: Callable[[], LabBench] | None = None
    """Open the lab bench of a simulated reactor; None where the reactor is real."""
    started_at: datetime = field(init=False)
    _publisher: JournalingPublisher = field(init=False)

    def __post_init__(self) -> None:
        self.started_at = self.clock.now()
        self._publisher = JournalingPublisher(self.bus, self.runtime.stores.journal(), self.runtime.clock)

    def publish(self, topic: str, payload: object, *, qos: int = 1, retain: bool = False) -> None:
        """Publish a message without waiting for the broker; records are written to the unit's journal first."""
        self._publisher.publish(topic, encode_payload(payload), qos=qos, retain=retain)
        self._publisher.flush()

    @property
    def name(self) -> str:
        return self.runtime.unit

    @property
    def clock(self) -> Clock:
        return self.runtime.clock

    @property
    def stores(self) -> UnitStores:
        return self.runtime.stores

    @property
    def paths(self) -> Paths:
        return self.runtime.paths

    def close(self) -> None:
        """Close tasks, launcher and bus; jobs continue."""
        self.tasks.close()
        self.launcher.close()
        self.bus.close()


UnitPorts = NamedDependency[SkipValidation[UnitServices]]
"""Type of the injected argument `unit` of a route."""
