"""The ports of one unit as one frozen value, and how code that is given none finds its lane's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pioreactor.clock.ports import Clock
from pioreactor.devices.lab_bench import LabBench
from pioreactor.devices.ports import Ownership, Rig
from pioreactor.messaging.ports import BusFactory
from pioreactor.models import ReactorModel
from pioreactor.storage.ports import ArtifactFiles, RecordSink, UnitStores

if TYPE_CHECKING:
    from pioreactor.identity.computer import Computer
    from pioreactor.identity.unit import UnitIdentity
    from pioreactor.settings.schema import Settings
    from pioreactor.storage.paths import Paths


@dataclass(frozen=True)
class Runtime:
    """Everything that code on one unit may ask of the world. Only `bootstrap` knows which adapters are behind it."""

    identity: UnitIdentity
    settings: Settings
    paths: Paths
    clock: Clock
    buses: BusFactory
    stores: UnitStores
    artifacts: ArtifactFiles
    ownership: Ownership
    open_rig: Callable[[], Rig]
    """Return the unit's rig; the same one each time, opened at first use."""
    model: Callable[[], ReactorModel]
    """Return the unit's reactor model; the 40 mL one is assumed when nobody chose."""
    computer: Computer
    pid: int
    job_source: str = "user"
    starts_sleeping: bool = False
    """True when jobs of this process begin paused: resumed after a power cut, until a person lets them go on."""
    is_resumed: bool = False
    """True when this process goes on with what was interrupted."""
    handles_signals: bool = False
    """True in a process of our own, where SIGTERM means: stop your jobs."""
    open_records: Callable[[], RecordSink] | None = None
    """Open the database that records go to; None on a unit that is no leader."""
    launch_job: Callable[[Sequence[str], Mapping[str, str]], Callable[[], int | None]] | None = None
    """Start `pio run` with this argv, and these variables besides the present ones, as a process of its own.

    Return a function that polls its exit code (None while it runs). Raise `OSError`. None in virtual time.
    """
    open_lab_bench: Callable[[], LabBench] | None = None
    """Return the bench beside the simulated reactor, the same one each time; None where the reactor is real."""
    log_file: Path | None = None
    console: TextIO | None = None
    """Where log lines are shown to a person, if anywhere."""

    @property
    def unit(self) -> str:
        return self.identity.unit


_current: ContextVar[Runtime | None] = ContextVar("pioreactor_runtime", default=None)
_process_runtime: Runtime | None = None


def use(runtime: Runtime) -> None:
    """Make this the runtime of the present lane (or thread)."""
    _current.set(runtime)


@contextmanager
def using(runtime: Runtime) -> Iterator[Runtime]:
    """Make this the runtime of the calling code for a block."""
    token = _current.set(runtime)
    try:
        yield runtime
    finally:
        _current.reset(token)


def install(runtime: Runtime | None) -> None:
    """Make this the runtime of the whole process, for threads that have none of their own."""
    global _process_runtime
    _process_runtime = runtime


def current() -> Runtime:
    """Return the lane's runtime, else the process's, building the real one at first use."""
    runtime = _current.get()
    if runtime is not None:
        return runtime
    if _process_runtime is None:
        from pioreactor.bootstrap import build_runtime  # the deliberate upward import: a plugin passes no runtime

        install(build_runtime())
    assert _process_runtime is not None
    return _process_runtime
