"""What a demo cluster consists of, and where its units are found."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pioreactor.exc import InvalidRequestError
from pioreactor.storage.paths import Paths

LEADER: Final = "leader"
VIEWER: Final = "viewer"
"""Account of the broker that may read everything and write nothing."""
LOOPBACK: Final = "127.0.0.1"
MAX_WORKERS: Final = 32
DAYS: Final = "days"
EMPTY: Final = "empty"
CLASSROOM: Final = "classroom"
REACTORS_OF_CLASSROOM: Final = 30
CULTURE: Final = "ecoli_turbidostat"
SCENARIOS: Final[Mapping[str, str]] = {
    DAYS: "a turbidostat that has run for two days; the media bottle of worker2 runs dry after two minutes",
    EMPTY: "an experiment that nothing has been started in",
    CLASSROOM: f"{REACTORS_OF_CLASSROOM} reactors in one process, whose jobs have just started; nothing is kept",
}
"""Demos by name. Each simulated culture (`pioreactor.twin.scenarios`) is one as well: its jobs have just started."""
MAX_RUN_PATH: Final = 75
"""Longest path of a unit's run directory [characters]: Unix limits the path of a socket in it to about 100."""


@dataclass(frozen=True)
class DemoPlan:
    """What to build. `speed` is how many times faster than real time the cluster's clock runs."""

    directory: Path
    workers: int = 2
    speed: float = 1.0
    port: int = 4999
    scenario: str = CULTURE
    """One of `SCENARIOS`, or a simulated culture."""
    seed: int = 1
    experiment: str = "demo"
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Addresses of units that are not on the loopback interface."""
    command_prefix: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Unit → argv put before each of its commands, such as `nsenter` into its network namespace."""
    has_four_photodiodes: bool = False
    """Whether the reactors are of the XR kind, which measures light at 45°, 90° and 135°."""

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= MAX_WORKERS:
            raise InvalidRequestError(f"a demo cluster has 1 to {MAX_WORKERS} workers, not {self.workers}")

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of every reactor."""
        return "pioreactor_20ml_XR" if self.has_four_photodiodes else "pioreactor_20ml", "1.5"

    @property
    def has_history(self) -> bool:
        """Whether a new experiment begins with recorded days."""
        return self.scenario == DAYS

    def culture_of(self, worker: str) -> str:
        """Return the simulated culture of a worker."""
        if self.has_history and worker == "worker2":
            return "ecoli_empty_bottle"
        return CULTURE if self.scenario in SCENARIOS else self.scenario

    @property
    def worker_names(self) -> tuple[str, ...]:
        return tuple(f"worker{number}" for number in range(1, self.workers + 1))

    @property
    def units(self) -> tuple[str, ...]:
        return (LEADER, *self.worker_names)

    def host_of(self, unit: str) -> str:
        return self.hosts.get(unit, LOOPBACK)

    def port_of(self, unit: str) -> int:
        return self.port + self.units.index(unit)

    def url_of(self, unit: str) -> str:
        """Return the base URL of a unit's web server."""
        return f"http://{self.host_of(unit)}:{self.port_of(unit)}"

    def paths(self, unit: str) -> Paths:
        """Return where a unit keeps its files: below `directory`, sockets elsewhere if their paths became too long."""
        below = Paths.below(self.directory / unit)
        if len(str(below.run_pioreactor)) <= MAX_RUN_PATH:
            return below
        name = hashlib.sha256(str(self.directory).encode()).hexdigest()[:12]
        run = Path(tempfile.gettempdir()) / f"pio-{os.getuid()}-{name}" / unit
        return replace(below, run_pioreactor=run, exports=run / "exports", usb=run / "usb")

    def twin_socket(self, unit: str) -> Path:
        """Return the socket on which a worker's simulated reactor is served."""
        return self.paths(unit).run_pioreactor / "reactor.sock"
