"""What the routes of a unit work with."""

from collections.abc import Mapping
from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from pioreactor.clock.ports import Clock
from pioreactor.messaging.ports import Bus
from pioreactor.storage.paths import Paths
from pioreactor.storage.ports import UnitStores
from pioreactor.web.descriptors import Catalogue
from pioreactor.web.tasks import Tasks
from pioreactor.web.unit.launching import JobLauncher


@dataclass
class UnitServices:
    """One unit's ports, as its own API needs them."""

    unit: str
    clock: Clock
    stores: UnitStores
    bus: Bus
    paths: Paths
    tasks: Tasks
    launcher: JobLauncher
    catalogue: Catalogue
    environment: Mapping[str, str]

    def close(self) -> None:
        """End what the server began itself; jobs go on, and the ports are their owner's to close."""
        self.tasks.close()
        self.launcher.close()


UnitPorts = NamedDependency[SkipValidation[UnitServices]]
"""How a route asks for them, as its argument `here`."""
